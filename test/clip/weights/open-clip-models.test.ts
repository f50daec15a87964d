// Every model that open_clip 3.3.0 can build (fixtures/families/make_open_clip.py): which load, with which numbers of
// heads, and in which words the others are refused.

import { describe, expect, test } from 'vitest';
import { architectureFrom, checkParameters } from '../../../src/clip/parameters.ts';
import { findModel, type ModelTensors } from '../../../src/clip/weights/layouts.ts';
import type { StoredTensor } from '../../../src/formats/stored-tensor.ts';
import { MemorySource } from '../../../src/formats/byte-source.ts';
import type { Tower } from '../../../src/clip/weights/towers.ts';
import { fixtureJson } from '../../support/checkpoints.ts';

interface Model {
  readonly config: {
    readonly embed_dim: number;
    readonly vision_cfg: Readonly<Record<string, unknown>>;
    readonly text_cfg: Readonly<Record<string, unknown>>;
  };
  readonly shapes: Readonly<Record<string, number[]>>;
}
const { models } = fixtureJson<{ models: Record<string, Model> }>('../families/open_clip.json.gz');

/** What a file of the model shows before a tensor is read. */
function headersOf({ shapes }: Model): Map<string, StoredTensor> {
  const source = new MemorySource('x', new Uint8Array(0));
  const tensors = new Map<string, StoredTensor>();
  for (const [folded, shape] of Object.entries(shapes)) {
    const range = /\{(\d+)-(\d+)\}/.exec(folded);
    const [first, last] = range === null ? [0, 0] : [Number(range[1]), Number(range[2])];
    for (let i = first; i <= last; i++)
      tensors.set(range === null ? folded : folded.replace(range[0], String(i)), {
        dtype: 'F32',
        shape,
        strides: shape.map(() => 0),
        source,
        position: 0,
      });
  }
  return tensors;
}

/** Loads as far as the headers go. */
function loaded(name: string, tower?: Tower): ModelTensors {
  const found = findModel(headersOf(models[name]), name, { tower });
  const tensors = new Map([...found.tensors].map(([key, { dtype, shape }]) => [key, { dtype, shape }]));
  checkParameters({ origin: name, tensors }, architectureFrom(tensors, found.metadata));
  return found;
}

const refused = (name: string, tower?: Tower): string => {
  try {
    loaded(name, tower);
    return 'loads';
  } catch (error) {
    return (error as Error).message.replace(/^".*?" holds /, '').replace(/(, whose| tower cannot).*$/, '');
  }
};

/** By the name: what loading it says without option, and with each tower. */
const EXPECTED: readonly (readonly [name: RegExp, both: string, vision: string, text: string])[] = [
  [/^coca_(base|ViT)/, 'loads', 'loads', 'a CoCa model'],
  [/^coca_roberta/, 'loads', 'loads', 'a CoCa model'],
  [/^(RN|ViT-(B|H|L|M|S|g|e|bigG)-\d+(-\d+|-plus(-\d+)?|-alt)?(-quickgelu)?$)/, 'loads', 'loads', 'loads'],
];
const FOREIGN_IMAGES: readonly (readonly [name: RegExp, family: string])[] = [
  [/^convnext/, 'a ConvNeXt-CLIP model'],
  [/^EVA/, 'an EVA-CLIP model'],
  [/^MobileCLIP2?-B$/, 'a MobileCLIP-B model'],
  [/^PE-Core/, 'a Perception Encoder (PE-Core)'],
  [/^swin/, 'an open_clip model with a Swin image tower'],
  [/^ViTamin/, 'a ViTamin model'],
  [/^ViT-M-16-alt$/, 'a ViT with LayerScale'],
];
const FOREIGN_TEXTS: readonly (readonly [name: RegExp, family: string])[] = [
  [/^mt5/, 'a CLIP with an mT5 text tower'],
  [/^nllb-clip-(base|large)$/, 'an NLLB-CLIP model'],
  [/^roberta/, 'a CLIP with a RoBERTa text tower'],
  [/^xlm-roberta/, 'a CLIP with an XLM-RoBERTa text tower'],
  [/worldwide/, 'a MetaCLIP 2 model'],
];
const FOREIGN: readonly (readonly [name: RegExp, family: string, text?: string])[] = [
  [/^MobileCLIP2?-S/, 'a MobileCLIP model with a FastViT image tower'],
  [/^(MobileCLIP2-L|vit_)/, 'an open_clip model with a timm image tower ("visual.trunk.…"), such as MobileCLIP2-L'],
  [/^nllb-clip-.*-siglip/, 'an NLLB-CLIP model with a SigLIP image tower'],
  [/SigLIP2/, 'a SigLIP 2 model'],
  [/SigLIP/, 'a SigLIP model'],
  [/CLIPA/, 'a CLIPA model, or another without ln_pre', 'a CLIPA model'],
];

function expectation(name: string): readonly [both: string, vision: string, text: string] {
  const of = <Row extends readonly [RegExp, ...unknown[]]>(rows: readonly Row[]): Row | undefined =>
    rows.find(([pattern]) => pattern.test(name));
  const images = of(FOREIGN_IMAGES);
  if (images !== undefined) return [images[1], images[1], 'loads'];
  const texts = of(FOREIGN_TEXTS);
  if (texts !== undefined) return ['loads', 'loads', texts[1]];
  const foreign = of(FOREIGN);
  if (foreign !== undefined) return [foreign[1], foreign[1], foreign[2] ?? foreign[1]];
  const [, ...expected] = of(EXPECTED)!;
  return expected;
}

test('all 144 models are there', () => {
  expect(Object.keys(models)).toHaveLength(144);
});

test.each(Object.keys(models))('%s', (name) => {
  expect([refused(name), refused(name, 'vision'), refused(name, 'text')]).toEqual(expectation(name));
});

describe('what loads', () => {
  /** Fields of a tower's configuration under which the network is CLIP's; what is not here changes it. */
  const PLAIN = /^(image_size|layers|width|head_width|patch_size|mlp_ratio|context_length|vocab_size|heads)$/;
  const COCA = /^(attentional_pool|attn_pooler_heads|output_tokens)$/;

  test.each(Object.keys(models).filter((name) => refused(name, 'vision') === 'loads'))(
    '%s: the image tower has the sizes of the configuration, which says nothing that is not computed',
    (name) => {
      const { config } = models[name];
      const { vision_cfg: vision } = config;
      const { tensors, metadata } = loaded(name, 'vision');
      const found = architectureFrom(tensors, metadata);
      const width = vision.width as number;
      expect(found.embed).toBe(config.embed_dim);
      expect(found.vision).toMatchObject({
        resolution: vision.image_size,
        width,
        layers: vision.layers,
        heads: ((Array.isArray(vision.layers) ? 32 : 1) * width) / ((vision.head_width as number | undefined) ?? 64),
        ...(vision.attentional_pool === true && { pool: { queries: 256, heads: vision.attn_pooler_heads } }),
      });
      const other = Object.keys(vision).filter((field) => !PLAIN.test(field) && !COCA.test(field));
      expect(other).toEqual([]);
    },
  );

  test.each(Object.keys(models).filter((name) => refused(name, 'text') === 'loads'))(
    '%s: so has the text tower',
    (name) => {
      const { config } = models[name];
      const { text_cfg: text } = config;
      const { tensors, metadata } = loaded(name, 'text');
      expect(architectureFrom(tensors, metadata)).toMatchObject({
        embed: config.embed_dim,
        text: {
          context: text.context_length,
          vocabulary: 49408,
          width: text.width,
          layers: text.layers,
          heads: text.heads,
        },
      });
      const other = Object.entries(text).filter(([field, value]) => !PLAIN.test(field) && value !== false);
      expect(other).toEqual([]);
    },
  );
});
