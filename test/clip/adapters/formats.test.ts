// What the readers make of names, patterns and scales, and what they refuse. Expected scales and places are written
// down from the projects' documentation.

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { clipLoraModules } from '../../../src/clip/adapters/clip-lora.ts';
import { loralibParts } from '../../../src/clip/adapters/loralib.ts';
import { addChanges } from '../../../src/clip/adapters/merge.ts';
import { peftModules } from '../../../src/clip/adapters/peft.ts';
import { targetOf } from '../../../src/clip/adapters/targets.ts';
import { load } from '../../../src/clip/load.ts';
import type { Architecture } from '../../../src/clip/architecture.ts';
import { MODELS } from '../../../src/clip/models.ts';
import { fixture, readAdapter, safetensors } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-formats-'));
afterAll(() => rmSync(folder, { recursive: true }));
let written = 0;

const modelNamed = (name: string): Architecture => MODELS.find((model) => model.name === name)!;
const tiny = modelNamed('tiny-vit');

function peft(shapes: Record<string, readonly number[]>, config: Record<string, unknown> | string | null): string {
  const at = join(folder, `peft-${written++}`);
  mkdirSync(at);
  writeFileSync(join(at, 'adapter_model.safetensors'), safetensors(shapes));
  if (config !== null)
    writeFileSync(join(at, 'adapter_config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return at;
}

function file(name: string, shapes: Record<string, readonly number[]>): string {
  const at = join(folder, `${written++}-${name}`);
  writeFileSync(at, safetensors(shapes));
  return at;
}

const Q = 'base_model.model.vision_model.encoder.layers.0.self_attn.q_proj';
const PAIR = { [`${Q}.lora_A.weight`]: [2, 128], [`${Q}.lora_B.weight`]: [128, 2] };
const PLAIN = { peft_type: 'LORA', r: 2, lora_alpha: 4 };

describe('PEFT', () => {
  const scale = (module: string, config: Record<string, unknown>, rank: number): number =>
    peftModules([`base_model.model.${module}.lora_A.weight`], { peft_type: 'LORA', ...config }, 'file')[0].scale(rank);

  test.each<[string, Record<string, unknown>, string, number, number]>([
    ['alpha / r', { r: 8, lora_alpha: 16 }, 'a.q_proj', 8, 2],
    ['alpha / sqrt(r)', { r: 16, lora_alpha: 8, use_rslora: true }, 'a.q_proj', 16, 2],
    ["a rank by the module's last name", { r: 8, lora_alpha: 16, rank_pattern: { q_proj: 4 } }, 'a.b.q_proj', 4, 4],
    ['a rank by a whole path', { r: 8, lora_alpha: 16, rank_pattern: { 'a.b.q_proj': 4 } }, 'a.b.q_proj', 4, 4],
    [
      'a pattern is a regular expression',
      { r: 8, lora_alpha: 16, rank_pattern: { 'layers\\.[01]\\..*': 2 } },
      'x.layers.1.mlp.fc1',
      2,
      8,
    ],
    ['an alternative ends with the pattern', { r: 8, lora_alpha: 16, rank_pattern: { 'fc1|fc2': 2 } }, 'x.fc2', 2, 8],
    ['a pattern begins with a whole component', { r: 8, lora_alpha: 16, rank_pattern: { proj: 4 } }, 'a.q_proj', 8, 2],
    ['a pattern reaches to the end', { r: 8, lora_alpha: 16, rank_pattern: { q: 4 } }, 'a.q_proj', 8, 2],
    [
      'the first pattern that fits',
      { r: 8, lora_alpha: 16, alpha_pattern: { 'b.q_proj': 2, q_proj: 4 } },
      'a.q_proj',
      8,
      0.5,
    ],
    [
      'a pattern for alpha, sqrt for the rank',
      { r: 8, lora_alpha: 16, use_rslora: true, rank_pattern: { q_proj: 4 }, alpha_pattern: { q_proj: 6 } },
      'q_proj',
      4,
      3,
    ],
    [
      "out_proj of nn.MultiheadAttention has the attention's pattern",
      { r: 8, lora_alpha: 16, rank_pattern: { attn: 4 } },
      'visual.attn.base_layer.out_proj',
      4,
      4,
    ],
  ])('%s', (_, config, module, rank, expected) => {
    expect(scale(module, config, rank)).toBeCloseTo(expected, 14);
  });

  test("keys as they are in memory, with the adapter's name", () => {
    const [found] = peftModules(
      ['base_model.model.x.q_proj.lora_A.default.weight', 'base_model.model.x.q_proj.lora_B.default.weight'],
      PLAIN,
      'file',
    );
    expect([found.module, found.B]).toEqual(['x.q_proj', 'base_model.model.x.q_proj.lora_B.default.weight']);
  });

  test('the file itself may be named, and a folder that is called as the adapter', async () => {
    const at = peft(PAIR, PLAIN);
    const byFolder = await readAdapter(at, tiny);
    const byFile = await readAdapter(join(at, 'adapter_model.safetensors'), tiny);
    expect([byFile.name, byFile.layout, byFile.parts]).toEqual([byFolder.name, 'PEFT', byFolder.parts]);
    expect(byFolder.parts[0]).toMatchObject({
      rank: 2,
      scale: 2,
      target: {
        parameter: 'visual.transformer.resblocks.0.attn.in_proj_weight',
        begin: 0,
        count: 128,
        inputs: 128,
        outputs: 384,
      },
    });
  });

  test.each<[string, Record<string, readonly number[]>, Record<string, unknown> | string | null, RegExp]>([
    ['no configuration', PAIR, null, /needs adapter_config\.json .* beside it; copy that file, too/],
    ['a configuration that is no JSON', PAIR, '{', /is not valid JSON/],
    [
      'DoRA',
      PAIR,
      { ...PLAIN, use_dora: true },
      /DoRA .*cannot be applied; only plain LoRA on linear layers can: merge it with PEFT/,
    ],
    ["DoRA's tensors", { ...PAIR, [`${Q}.lora_magnitude_vector`]: [128] }, PLAIN, /DoRA/],
    ['another type', PAIR, { ...PLAIN, peft_type: 'LOHA' }, /of the kind "LOHA", expected "LORA"/],
    ['(IA)³', { [`${Q}.ia3_l`]: [128, 1] }, { peft_type: 'IA3' }, /of the kind "IA3"/],
    ['trained biases', PAIR, { ...PLAIN, bias: 'lora_only' }, /trained biases \("bias": "lora_only"\)/],
    ['biases of lora_B', PAIR, { ...PLAIN, lora_bias: true }, /biases of lora_B/],
    ['modules beside', PAIR, { ...PLAIN, modules_to_save: ['visual_projection'] }, /whole modules/],
    [
      'PiSSA',
      PAIR,
      { ...PLAIN, init_lora_weights: 'pissa_niter_4' },
      /"pissa_niter_4", which changes the base weights too/,
    ],
    [
      'other tensors',
      { ...PAIR, 'base_model.model.logit_scale': [1] },
      PLAIN,
      /adapter with "base_model\.model\.logit_scale"/,
    ],
    [
      'an embedding',
      { 'base_model.model.text_model.embeddings.token_embedding.lora_embedding_A': [2, 512] },
      PLAIN,
      /lora_embedding_A/,
    ],
    [
      'a layer that is none',
      {
        'base_model.model.vision_model.encoder.layers.0.layer_norm1.lora_A.weight': [2, 128],
        'base_model.model.vision_model.encoder.layers.0.layer_norm1.lora_B.weight': [128, 2],
      },
      PLAIN,
      /which is not a linear layer of CLIP/,
    ],
    [
      'a block that the model lacks',
      rename(PAIR, 'layers.0', 'layers.7'),
      PLAIN,
      /adapts ".*layers\.7.*", which the model does not have: its image tower has 2 blocks; take an adapter of this model/,
    ],
    [
      'a convolution',
      rename({ [`${Q}.lora_A.weight`]: [2, 3, 8, 8], [`${Q}.lora_B.weight`]: [128, 2, 1, 1] }, 'q_proj', 'q_proj'),
      PLAIN,
      /expected a matrix, got shape \(2, 3, 8, 8\); only adapters of linear layers/,
    ],
    [
      'another width',
      { [`${Q}.lora_A.weight`]: [2, 768], [`${Q}.lora_B.weight`]: [768, 2] },
      PLAIN,
      /expected shape \(r, 128\) for this model, got \(2, 768\)/,
    ],
    [
      'B that does not fit A',
      { [`${Q}.lora_A.weight`]: [2, 128], [`${Q}.lora_B.weight`]: [128, 3] },
      PLAIN,
      /expected shape \(128, r=2\) for this model, got \(128, 3\)/,
    ],
    [
      'A without B',
      { [`${Q}.lora_A.weight`]: [2, 128] },
      PLAIN,
      /expected pairs of A and B, got 1 tensors of which 1 are A/,
    ],
    [
      "a rank that is not the configuration's",
      PAIR,
      { ...PLAIN, r: 3 },
      /expected rank 3 by adapter_config\.json, got 2/,
    ],
    ['no rank', PAIR, { peft_type: 'LORA', lora_alpha: 4 }, /expected a number of at least 1 as "r", got none/],
    ['alpha that is no number', PAIR, { ...PLAIN, lora_alpha: '4' }, /as "lora_alpha", got "4"/],
    [
      'a pattern that is no expression',
      PAIR,
      { ...PLAIN, rank_pattern: { '(': 2 } },
      /expected a regular expression as a key of "rank_pattern"/,
    ],
    ['patterns that are no object', PAIR, { ...PLAIN, alpha_pattern: [1] }, /expected an object as "alpha_pattern"/],
  ])('%s is refused', async (_, shapes, config, message) => {
    await expect(readAdapter(peft(shapes, config), tiny)).rejects.toThrow(message);
  });
});

function rename(
  shapes: Record<string, readonly number[]>,
  from: string,
  to: string,
): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key.replace(from, to), shape]));
}

describe('CLIP-LoRA', () => {
  const keys = (layers: number): string[] =>
    Array.from({ length: layers }, (_, i) => [
      `weights.layer_${i}.q_proj.w_lora_A`,
      `weights.layer_${i}.q_proj.w_lora_B`,
    ]).flat();
  const modules = (model: string, layers: number, encoder: string, position: string): string[] =>
    clipLoraModules(keys(layers), { alpha: '1', r: '2', encoder, position }, modelNamed(model), 'file').map(
      ({ module }) => module.replace('.attn.q_proj', ''),
    );
  const text = (...blocks: number[]): string[] => blocks.map((i) => `transformer.resblocks.${i}`);
  const vision = (...blocks: number[]): string[] => blocks.map((i) => `visual.transformer.resblocks.${i}`);
  const to = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

  test.each<[string, number, string, string, string[]]>([
    ['ViT-B/16', 24, 'both', 'all', [...text(...to(12)), ...vision(...to(12))]],
    ['ViT-B/16', 4, 'vision', 'mid', vision(4, 5, 6, 7)],
    ['ViT-B/32', 8, 'both', 'up', [...text(8, 9, 10, 11), ...vision(8, 9, 10, 11)]],
    ['ViT-B/16', 3, 'vision', 'top3', vision(9, 10, 11)],
    ['ViT-B/16', 6, 'text', 'half-up', text(6, 7, 8, 9, 10, 11)],
    ['ViT-L/14', 36, 'both', 'all', [...text(...to(12)), ...vision(...to(24))]],
    // Older versions of the table: 21 of the 24 blocks, and the halves of a tower of 12.
    ['ViT-L/14', 33, 'both', 'all', [...text(...to(12)), ...vision(...to(21))]],
    ['ViT-L/14', 12, 'vision', 'half-up', vision(12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)],
    ['ViT-L/14', 6, 'vision', 'half-up', vision(6, 7, 8, 9, 10, 11)],
    ['ViT-L/14', 18, 'both', 'half-bottom', [...text(0, 1, 2, 3, 4, 5), ...vision(...to(12))]],
    ['RN50', 12, 'text', 'all', text(...to(12))],
  ])('%s, %i layers, %s, %s', (model, layers, encoder, position, expected) => {
    expect(modules(model, layers, encoder, position)).toEqual(expected);
  });

  test('the scale is alpha / sqrt(r)', () => {
    expect(
      clipLoraModules(
        keys(12),
        { alpha: '3', encoder: 'vision', position: 'all' },
        modelNamed('ViT-B/16'),
        'file',
      )[0].scale(4),
    ).toBe(1.5);
  });

  test.each<[string, string, number, Record<string, string>, RegExp]>([
    [
      'too few layers',
      'ViT-B/16',
      11,
      { alpha: '1', encoder: 'vision', position: 'all' },
      /holds 11 layers, but the position "all" of the vision tower of this model means 12; take an adapter of this model/,
    ],
    [
      "a ResNet's image tower",
      'RN50',
      12,
      { alpha: '1', encoder: 'vision', position: 'all' },
      /adapts the blocks of a VisionTransformer, but the model's image tower is a ModifiedResNet/,
    ],
    [
      'no text tower',
      'mini-rn',
      12,
      { alpha: '1', encoder: 'text', position: 'all' },
      /adapts a text tower, which the model does not have/,
    ],
    [
      'no alpha',
      'ViT-B/16',
      12,
      { encoder: 'vision', position: 'all' },
      /expected a number as metadata\.alpha, got none/,
    ],
    [
      'no encoder',
      'ViT-B/16',
      12,
      { alpha: '1', position: 'all' },
      /expected metadata\.encoder text, vision or both, got none/,
    ],
    [
      'an unknown position',
      'ViT-B/16',
      12,
      { alpha: '1', encoder: 'vision', position: 'toString' },
      /expected metadata\.position top, top1.*got toString/,
    ],
  ])('%s is refused', (_, model, layers, metadata, message) => {
    expect(() => clipLoraModules(keys(layers), metadata, modelNamed(model), 'file')).toThrow(message);
  });

  test('metadata is read from both formats of torch.save', async () => {
    const legacy = await readAdapter(fixture('clip-lora-vision.pt'), tiny);
    expect([legacy.layout, legacy.parts.length, legacy.parts[0].scale]).toEqual(['CLIP-LoRA', 6, 2 / Math.sqrt(3)]);
    const adapter = await readAdapter(fixture('clip-lora.pt'), tiny);
    expect([adapter.layout, adapter.name, adapter.parts.length]).toEqual(['CLIP-LoRA', 'clip-lora', 12]);
    expect(adapter.parts[0].scale).toBe(1 / Math.sqrt(2));
  });
});

describe('loralib', () => {
  const target = targetOf('visual.transformer.resblocks.0.attn.in_proj', tiny)!;
  const matrix = (rows: number, columns: number): Float32Array =>
    Float32Array.from({ length: rows * columns }, (_, i) => i);

  test('MergedLinear: each enabled part has its own rows of A and B', () => {
    const parts = loralibParts(
      target,
      { values: matrix(6, 128), rows: 6 },
      { values: matrix(256, 3), rows: 256, rank: 3 },
      6,
      [true, false, true],
      'x',
    );
    expect(
      parts.map(({ target: { begin, count }, rank, scale, A, B }) => [
        begin,
        count,
        rank,
        scale,
        A[0],
        A.length,
        B[0],
        B.length,
      ]),
    ).toEqual([
      [0, 128, 3, 2, 0, 3 * 128, 0, 128 * 3],
      [256, 128, 3, 2, 3 * 128, 3 * 128, 128 * 3, 128 * 3],
    ]);
  });

  test('all three parts need no word, one matrix for all rows is a Linear', () => {
    expect(
      loralibParts(
        target,
        { values: matrix(6, 128), rows: 6 },
        { values: matrix(384, 2), rows: 384, rank: 2 },
        1,
        undefined,
        'x',
      ).map((part) => part.target.begin),
    ).toEqual([0, 128, 256]);
    expect(
      loralibParts(
        target,
        { values: matrix(2, 128), rows: 2 },
        { values: matrix(384, 2), rows: 384, rank: 2 },
        1,
        undefined,
        'x',
      ).map((part) => part.target.count),
    ).toEqual([384]);
  });

  test('what the file does not say is asked for', async () => {
    await expect(readAdapter(fixture('loralib.pt'), tiny)).rejects.toThrow(
      /does not hold its lora_alpha; give it as alpha \(--adapter-alpha\)/,
    );
    await expect(readAdapter({ path: fixture('loralib.pt'), alpha: 16 }, tiny)).rejects.toThrow(
      /"visual\.transformer\.resblocks\.0\.attn\.in_proj" is a part of a MergedLinear layer.*enableLora, such as \[true, false, true\]/,
    );
    await expect(
      readAdapter({ path: fixture('loralib.pt'), alpha: 16, enableLora: [true, true, true] }, tiny),
    ).rejects.toThrow(
      /expected lora_A \(3·r, 128\) and lora_B \(3·384\/3, r\) for enableLora \[true, true, true\], got \(6, 128\) and \(256, 3\)/,
    );
  });

  test.each<[string, Record<string, readonly number[]>, RegExp]>([
    [
      'biases beside',
      { 'mlp.lora_A': [1, 1], 'mlp.lora_B': [1, 1], 'mlp.bias': [1] },
      /has "mlp\.bias" beside the adapters.*lora_state_dict\(model\) with bias 'none'/,
    ],
    [
      'a rank that does not divide',
      {
        'visual.transformer.resblocks.0.mlp.c_fc.lora_A': [3, 128],
        'visual.transformer.resblocks.0.mlp.c_fc.lora_B': [512, 2],
      },
      /expected shape \(512, r=3\)/,
    ],
  ])('%s is refused', async (_, shapes, message) => {
    await expect(readAdapter({ path: file('l.safetensors', shapes), alpha: 1 }, tiny)).rejects.toThrow(message);
  });
});

describe('files of other kinds', () => {
  test.each<[string, Record<string, readonly number[]>, RegExp]>([
    [
      "kohya's",
      { 'lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight': [2, 64] },
      /kohya's \(lora_down, lora_up\); convert it to PEFT's LoRA/,
    ],
    ['LoKr', { 'x.lokr_w1': [2, 2] }, /LoHa or LoKr/],
    [
      'a model',
      { 'visual.proj': [128, 32] },
      /holds no LoRA adapter: expected PEFT's, CLIP-LoRA's or loralib's names, got 1 tensors such as "visual\.proj"/,
    ],
    ['nothing', {}, /holds no tensors/],
  ])('%s', async (_, shapes, message) => {
    await expect(readAdapter(file('x.safetensors', shapes), tiny)).rejects.toThrow(message);
  });

  test('a folder without an adapter, and a file that is not there', async () => {
    await expect(readAdapter(folder, tiny)).rejects.toThrow(
      /expected a folder with adapter_model\.safetensors, got none/,
    );
    await expect(readAdapter(join(folder, 'none'), tiny)).rejects.toThrow(/none/);
  });

  test('NaN in an adapter', async () => {
    const at = peft(PAIR, PLAIN);
    writeFileSync(join(at, 'adapter_model.safetensors'), safetensors(PAIR, { [`${Q}.lora_B.weight`]: [0, NaN] }));
    await expect(readAdapter(at, tiny)).rejects.toThrow(/elements that are not finite/);
  });
});

describe('options', () => {
  test.each<[string, unknown, RegExp]>([
    ['a number', 7, /load: "adapter" expected a path/],
    ['null', null, /load: "adapter" expected a path/],
    ['an empty path', '', /load: "adapter" expected a path/],
    ['an alpha that is no number', { path: 'x', alpha: NaN }, /"adapter\.alpha" expected a number, got NaN/],
    ['peftAsIs that is no boolean', { path: 'x', peftAsIs: 1 }, /"adapter\.peftAsIs" expected a boolean, got number/],
    ['an empty name', { path: 'x', name: '' }, /"adapter\.name" expected a name/],
    [
      'enableLora that is no list of booleans',
      { path: 'x', enableLora: [1] },
      /"adapter\.enableLora" expected a list of booleans/,
    ],
  ])('%s', async (_, adapter, message) => {
    await expect(load('tiny-vit', { adapter: adapter as string })).rejects.toThrow(message);
  });

  test('two of one name, and an unknown mode', async () => {
    const copy = join(folder, 'peft');
    mkdirSync(copy);
    for (const name of ['adapter_model.safetensors', 'adapter_config.json'])
      copyFileSync(fixture(`peft/${name}`), join(copy, name));
    await expect(load('tiny-vit', { adapter: [fixture('peft'), copy] })).rejects.toThrow(
      /"adapter" has two of the name peft .*give one another name: \{ path, name \}/,
    );
    await expect(load('tiny-vit', { adapter: copy, adapterMode: 'half' as 'merged' })).rejects.toThrow(
      '"adapterMode" expected merged or unmerged, got half',
    );
  });
});

describe('merging', () => {
  test.each([1, 2, 3, 4, 5, 9])('rank %i: every element is the float64 sum, rounded once', (rank) => {
    const [outputs, inputs, begin, count] = [7, 5, 2, 3];
    const number = (i: number): number => Math.fround(Math.sin(i * 1.7) / 3);
    const A = Float32Array.from({ length: rank * inputs }, (_, i) => number(i));
    const B = Float32Array.from({ length: count * rank }, (_, i) => number(i + 100));
    const scale = 1 / Math.sqrt(3);
    for (const transposed of [false, true]) {
      const W = Float32Array.from({ length: outputs * inputs }, (_, i) => number(i + 500));
      const merged = W.slice();
      addChanges(
        [{ target: { parameter: 'w', outputs, inputs, begin, count, transposed }, rank, A, B, scale }],
        merged,
      );
      for (let o = 0; o < outputs; o++) {
        for (let k = 0; k < inputs; k++) {
          const at = transposed ? k * outputs + o : o * inputs + k;
          let sum = 0;
          for (let j = 0; o >= begin && o < begin + count && j < rank; j++)
            sum += B[(o - begin) * rank + j] * A[j * inputs + k];
          // The order of nine products moves a float64 by far less than what decides a float32's rounding, but for
          // ties.
          expect(merged[at]).toBe(o >= begin && o < begin + count ? Math.fround(W[at] + scale * sum) : W[at]);
        }
      }
    }
  });
});
