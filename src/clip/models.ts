// The models that can be loaded by name: OpenAI's nine, two bundled ones that were really trained, two tiny ones for
// tests.
// Architectures: OpenAI's build_model applied to the published checkpoints; file names and digests: openai/CLIP,
// clip/clip.py.

import type {
  ModifiedResNetArchitecture,
  TextArchitecture,
  TransformerSizes,
  VisionTransformerArchitecture,
  WithVision,
} from './architecture.ts';

export interface ModelEntry extends WithVision {
  readonly name: string;
  /** OpenAI's file, for the nine. */
  readonly file: string | null;
  readonly sha256: string | null;
}

/** Heads of 64 columns, and an MLP of four times the width, as all of OpenAI's transformers have. */
const transformer = (width: number, layers: number): TransformerSizes => ({
  width,
  layers,
  heads: width / 64,
  mlp: 4 * width,
});
const text = (width: number, layers = 12, vocabulary = 49408): TextArchitecture => ({
  context: 77,
  vocabulary,
  ...transformer(width, layers),
});
const rn = (
  resolution: number,
  width: number,
  layers: [number, number, number, number],
): ModifiedResNetArchitecture => ({ kind: 'ModifiedResNet', resolution, width, layers, heads: width / 2 });
const vit = (resolution: number, patch: number, width: number, layers: number): VisionTransformerArchitecture => ({
  kind: 'VisionTransformer',
  resolution,
  patch,
  ...transformer(width, layers),
});
const tinyText = text(64, 2, 512);

export const MODELS: readonly ModelEntry[] = [
  {
    name: 'RN50',
    embed: 1024,
    vision: rn(224, 64, [3, 4, 6, 3]),
    text: text(512),
    file: 'RN50.pt',
    sha256: 'afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762',
  },
  {
    name: 'RN101',
    embed: 512,
    vision: rn(224, 64, [3, 4, 23, 3]),
    text: text(512),
    file: 'RN101.pt',
    sha256: '8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599',
  },
  {
    name: 'RN50x4',
    embed: 640,
    vision: rn(288, 80, [4, 6, 10, 6]),
    text: text(640),
    file: 'RN50x4.pt',
    sha256: '7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd',
  },
  {
    name: 'RN50x16',
    embed: 768,
    vision: rn(384, 96, [6, 8, 18, 8]),
    text: text(768),
    file: 'RN50x16.pt',
    sha256: '52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa',
  },
  {
    name: 'RN50x64',
    embed: 1024,
    vision: rn(448, 128, [3, 15, 36, 10]),
    text: text(1024),
    file: 'RN50x64.pt',
    sha256: 'be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c',
  },
  {
    name: 'ViT-B/32',
    embed: 512,
    vision: vit(224, 32, 768, 12),
    text: text(512),
    file: 'ViT-B-32.pt',
    sha256: '40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af',
  },
  {
    name: 'ViT-B/16',
    embed: 512,
    vision: vit(224, 16, 768, 12),
    text: text(512),
    file: 'ViT-B-16.pt',
    sha256: '5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f',
  },
  {
    name: 'ViT-L/14',
    embed: 768,
    vision: vit(224, 14, 1024, 24),
    text: text(768),
    file: 'ViT-L-14.pt',
    sha256: 'b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836',
  },
  {
    name: 'ViT-L/14@336px',
    embed: 768,
    vision: vit(336, 14, 1024, 24),
    text: text(768),
    file: 'ViT-L-14-336px.pt',
    sha256: '3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02',
  },
  {
    name: 'mini-vit',
    embed: 128,
    vision: vit(64, 8, 128, 4),
    text: text(64, 2),
    file: null,
    sha256: null,
  },
  { name: 'mini-rn', embed: 128, vision: rn(64, 16, [1, 1, 1, 1]), text: null, file: null, sha256: null },
  { name: 'tiny-rn', embed: 32, vision: rn(64, 8, [1, 2, 1, 1]), text: tinyText, file: null, sha256: null },
  { name: 'tiny-vit', embed: 32, vision: vit(32, 8, 128, 2), text: tinyText, file: null, sha256: null },
];

/**
 * Names that `load` knows: OpenAI's nine, then the bundled mini models, then the tiny ones (synthetic weights only).
 */
export function availableModels(): string[] {
  return MODELS.map((model) => model.name);
}

/** Feature width per model, as in UniversalFakeDetect's CHANNELS, but for every model. */
export const CHANNELS: Readonly<Record<string, number>> = Object.freeze(
  Object.fromEntries(MODELS.map((model) => [model.name, model.embed])),
);
