// What an architecture is: the sizes of a CLIP's towers. Types only; parameters.ts reads them off tensors.

export interface TransformerSizes {
  /** D, the width of a token. */
  readonly width: number;
  /** Number of residual attention blocks. */
  readonly layers: number;
  /** Number of attention heads; each has width / heads columns. */
  readonly heads: number;
  /** Width of the hidden layer of the MLP. */
  readonly mlp: number;
}

export interface VisionTransformerArchitecture extends TransformerSizes {
  readonly kind: 'VisionTransformer';
  readonly resolution: number;
  readonly patch: number;
  /** false where the feature is the class token after ln_post, as in transformers' CLIPVisionModel. */
  readonly projection?: false;
  /** CoCa's pooler, which takes the place of the class token. */
  readonly pool?: { readonly queries: number; readonly heads: number };
}

export interface ModifiedResNetArchitecture {
  readonly kind: 'ModifiedResNet';
  readonly resolution: number;
  readonly width: number;
  readonly layers: readonly [number, number, number, number];
  /** Number of heads of the attention pool, which is 32 · width wide. */
  readonly heads: number;
}

export interface TextArchitecture extends TransformerSizes {
  readonly context: number;
  readonly vocabulary: number;
  /** false where the feature is the last token after ln_final, as in transformers' CLIPTextModel. */
  readonly projection?: false;
}

export interface Architecture {
  /** E, the width of the feature. */
  readonly embed: number;
  /** null for a file that holds a text tower only. */
  readonly vision: VisionArchitecture | null;
  /** null for a file that holds an image tower only. */
  readonly text: TextArchitecture | null;
}

export type VisionArchitecture = VisionTransformerArchitecture | ModifiedResNetArchitecture;

/** An architecture that has an image tower. */
export type WithVision = Architecture & { readonly vision: VisionArchitecture };

/**
 * The image tower of an architecture, for code that needs one.
 * @param what needs it, for the message
 * @throws Error if there is none
 */
export function visionOf({ vision }: Pick<Architecture, 'vision'>, what: string): VisionArchitecture {
  if (vision === null)
    throw new Error(`${what}: these weights have a text tower only; load a checkpoint with an image tower`);
  return vision;
}
