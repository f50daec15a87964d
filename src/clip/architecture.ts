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
}

export interface Architecture {
  /** E, the width of the feature. */
  readonly embed: number;
  readonly vision: VisionTransformerArchitecture | ModifiedResNetArchitecture;
  /** null for a file that holds an image tower only. */
  readonly text: TextArchitecture | null;
}
