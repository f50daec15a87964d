// Which tensor of a dump is which module's.

import { describe, expect, test } from 'vitest';
import { MODELS } from '../../src/clip/models.ts';
import { moduleShapes } from '../../src/oracle/module-shapes.ts';
import { matchNames } from '../../src/oracle/names.ts';
import { readGolden } from '../support/golden.ts';

const modules = ['visual.conv1', 'visual.ln_pre', 'visual.transformer.resblocks.0.ln_1', 'visual'];
const match = (tensors: string[], map = {}): ReturnType<typeof matchNames> =>
  matchNames(tensors, modules, map, 'd.npz');

describe('names', () => {
  test("PyTorch's paths", () => {
    const { byModule, image, missing, unknown } = match([
      'image',
      'visual.conv1',
      'visual',
      'visual.conv2',
      'logit_scale',
    ]);
    expect([...byModule]).toEqual([
      ['visual.conv1', 'visual.conv1'],
      ['visual', 'visual'],
    ]);
    expect(image).toBe('image');
    expect(missing).toEqual(['visual.ln_pre', 'visual.transformer.resblocks.0.ln_1']);
    expect(unknown).toEqual(['visual.conv2', 'logit_scale']);
  });

  test.each(['model.', 'module.', 'clip.', 'module.clip.', 'clip_model.'])('with %s before them', (prefix) => {
    const { byModule } = match(modules.map((name) => prefix + name));
    expect([...byModule.keys()]).toEqual(modules);
    expect(byModule.get('visual')).toBe(`${prefix}visual`);
  });

  test('without visual.', () => {
    expect([...match(['conv1', 'transformer.resblocks.0.ln_1', 'features']).byModule.keys()]).toEqual([
      'visual.conv1',
      'visual.transformer.resblocks.0.ln_1',
      'visual',
    ]);
  });

  test('a text tower beside an image tower is not taken for it', () => {
    const { byModule, unknown } = match(['visual.conv1', 'transformer.resblocks.0.ln_1']);
    expect([...byModule.keys()]).toEqual(['visual.conv1']);
    expect(unknown).toEqual(['transformer.resblocks.0.ln_1']);
  });

  test.each(['features', 'image_features', 'image_embeds'])('%s are the features, pixel_values the input', (name) => {
    const { byModule, image } = match([name, 'pixel_values']);
    expect([byModule.get('visual'), image]).toEqual([name, 'pixel_values']);
  });

  test("Hugging Face's names for every module of a transformer", () => {
    // Module names of modeling_clip.py (Hugging Face transformers) beside those of the same places in OpenAI's
    // model.py.
    const pairs = Object.entries({
      'vision_model.embeddings.patch_embedding': 'conv1',
      'vision_model.pre_layrnorm': 'ln_pre',
      'vision_model.encoder.layers.1.layer_norm1': 'transformer.resblocks.1.ln_1',
      'vision_model.encoder.layers.1.self_attn': 'transformer.resblocks.1.attn',
      'vision_model.encoder.layers.1.layer_norm2': 'transformer.resblocks.1.ln_2',
      'vision_model.encoder.layers.1.mlp.fc1': 'transformer.resblocks.1.mlp.c_fc',
      'vision_model.encoder.layers.1.mlp.activation_fn': 'transformer.resblocks.1.mlp.gelu',
      'vision_model.encoder.layers.1.mlp.fc2': 'transformer.resblocks.1.mlp.c_proj',
      'vision_model.encoder.layers.1.mlp': 'transformer.resblocks.1.mlp',
      'vision_model.encoder.layers.1': 'transformer.resblocks.1',
      'vision_model.encoder': 'transformer',
      'vision_model.post_layernorm': 'ln_post',
    }).map(([theirs, ours]) => [theirs, `visual.${ours}`] as const);
    const all = [...moduleShapes(MODELS.find(({ name }) => name === 'tiny-vit')!).keys()];
    const { byModule, unknown } = matchNames(
      [
        ...pairs.map(([theirs]) => theirs),
        'visual_projection',
        'vision_model.encoder.layers.2',
        'vision_model.encoder.layers.1.self_attn.q_proj',
      ],
      all,
      {},
      'd.npz',
    );
    expect(byModule).toEqual(
      new Map([...pairs.map(([theirs, ours]) => [ours, theirs] as const), ['visual', 'visual_projection']]),
    );
    expect(unknown).toEqual(['vision_model.encoder.layers.2', 'vision_model.encoder.layers.1.self_attn.q_proj']);
  });

  test('the nearest name wins', () => {
    const { byModule, image, unknown } = match(['image_embeds', 'model.visual', 'visual', 'pixel_values', 'image']);
    expect([byModule.get('visual'), image]).toEqual(['visual', 'image']);
    expect([...unknown].sort()).toEqual(['image_embeds', 'model.visual', 'pixel_values']);
  });

  test('a mapping goes before everything, and the rest is found by name', () => {
    const { byModule, image, unknown } = match(['/conv', 'in', 'visual.conv1', 'visual.ln_pre'], {
      '/conv': 'visual.conv1',
      in: 'image',
      absent: 'visual',
    });
    expect([...byModule]).toEqual([
      ['visual.conv1', '/conv'],
      ['visual.ln_pre', 'visual.ln_pre'],
    ]);
    expect([image, unknown]).toEqual(['in', ['visual.conv1']]);
  });

  test.each([
    [
      'nothing that fits',
      ['a', 'b', 'c', 'd'],
      {},
      '"d.npz" expected outputs of modules such as visual.conv1 or visual, got a, b, c, … (4 tensors); name ' +
        'them by PyTorch\'s paths, or give a mapping file {"their name": "our path"}',
    ],
    [
      'the input alone',
      ['image'],
      {},
      '"d.npz" expected outputs of modules such as visual.conv1 or visual, got no tensor but the input; name ' +
        'them by PyTorch\'s paths, or give a mapping file {"their name": "our path"}',
    ],
    [
      'two for one',
      ['model.visual', 'clip.visual'],
      {},
      '"d.npz": both "model.visual" and "clip.visual" are visual; keep one, or say in a mapping file which is which',
    ],
    [
      'a mapping to no module',
      ['a'],
      { a: 'visual.conv9' },
      'map: "a" expected a module of the model such as visual.conv1, got "visual.conv9"; `clip-oracle trace ' +
        '--hash` lists them',
    ],
    [
      'a mapping to no name',
      ['a'],
      { a: 1 },
      'map: "a" expected a module\'s path, got number; write {"their name": "our path"}',
    ],
  ])('%s', (_, tensors, map, message) => {
    expect(() => match(tensors, map)).toThrow(message);
  });
});

describe('shapes', () => {
  test.each(['tiny-rn', 'tiny-vit'])("%s: modules and shapes without computing are PyTorch's", (name) => {
    const golden = readGolden(`fixtures/tiny/${name}.trace.safetensors`);
    const expected = golden.names
      .filter((key) => key.startsWith('f64/visual'))
      .map((key) => [key.slice(4), golden.tensor(key).shape] as const);
    const shapes = moduleShapes(
      MODELS.find((model) => model.name === name)!,
      2,
    );
    expect(new Map([...shapes].sort())).toEqual(new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))));
    expect([...shapes.keys()].at(-1)).toBe('visual');
  });
});
