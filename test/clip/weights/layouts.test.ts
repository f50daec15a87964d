// Whose names are these? Prefixes, wrappers, open_clip and Hugging Face; what is refused, and what the refusal says.

import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../src/clip/weights/open.ts';
import { counting, failure, temporaryFolder } from '../../support/checkpoints.ts';

const folder = temporaryFolder();
const CONV = { 'visual.conv1.weight': [2, 3, 1, 1] };
const open = (shapes: Record<string, number[]>): ReturnType<typeof openCheckpoint> =>
  openCheckpoint(folder.write('x.safetensors', counting(shapes)));
const namesOf = async (shapes: Record<string, number[]>): Promise<[string, string[]]> => {
  const checkpoint = await open(shapes);
  await checkpoint.close();
  return [checkpoint.layout, [...checkpoint.tensors.keys()]];
};
const read = async (shapes: Record<string, number[]>, name: string): Promise<number[]> => {
  const checkpoint = await open(shapes);
  const into = new Float32Array(checkpoint.tensors.get(name)!.shape.reduce((a, b) => a * b, 1));
  await checkpoint.read(name, into);
  await checkpoint.close();
  return [...into];
};

describe('OpenAI and open_clip', () => {
  test.for([
    ['plain', {}, '', 'OpenAI'],
    ['module.', {}, 'module.', 'OpenAI (inside "module")'],
    ['a deep wrapper', {}, 'state_dict.model.module.', 'OpenAI (inside "state_dict.model.module")'],
  ] as const)('%s', async ([, , prefix, layout]) => {
    const names = ['visual.conv1.weight', 'logit_scale', 'positional_embedding'];
    expect(await namesOf(Object.fromEntries(names.map((name) => [prefix + name, [1]])))).toEqual([layout, names]);
  });

  test('CustomTextCLIP keeps the text tower under "text."', async () => {
    expect(
      await namesOf({
        ...CONV,
        'text.positional_embedding': [1, 1],
        'text.transformer.resblocks.0.ln_1.weight': [1],
        logit_scale: [],
      }),
    ).toEqual([
      'open_clip',
      ['visual.conv1.weight', 'positional_embedding', 'transformer.resblocks.0.ln_1.weight', 'logit_scale'],
    ]);
  });

  test('buffers that are no parameters are left out', async () => {
    expect(
      (
        await namesOf({
          ...CONV,
          input_resolution: [],
          context_length: [],
          vocab_size: [],
          'visual.bn1.num_batches_tracked': [],
          attn_mask: [2, 2],
        })
      )[1],
    ).toEqual(['visual.conv1.weight']);
  });

  test('a head beside the model is left out, an unknown tensor is not', async () => {
    expect((await namesOf({ ...CONV, 'fc.weight': [1, 2], 'fc.bias': [1], 'visual.surprise': [1] }))[1]).toEqual([
      'visual.conv1.weight',
      'visual.surprise',
    ]);
    expect((await namesOf({ 'model.visual.conv1.weight': [1], 'fc.weight': [1, 2], 'fc.bias': [1] }))[1]).toEqual([
      'visual.conv1.weight',
    ]);
  });

  test('logit_scale of one element is a scalar', async () => {
    const checkpoint = await open({ ...CONV, logit_scale: [1] });
    expect(checkpoint.tensors.get('logit_scale')!.shape).toEqual([]);
    const into = new Float32Array(1);
    await checkpoint.read('logit_scale', into);
    expect(into[0]).toBe(7);
    await checkpoint.close();
  });
});

describe('Hugging Face', () => {
  const VISION = {
    'vision_model.embeddings.class_embedding': [2],
    'vision_model.embeddings.patch_embedding.weight': [2, 3, 1, 1],
    'vision_model.embeddings.position_ids': [1, 5],
    'vision_model.encoder.layers.0.self_attn.k_proj.weight': [2, 2],
    'vision_model.encoder.layers.0.self_attn.q_proj.weight': [2, 2],
    'vision_model.encoder.layers.0.self_attn.v_proj.weight': [2, 2],
    'vision_model.encoder.layers.0.layer_norm1.weight': [2],
    'vision_model.pre_layrnorm.bias': [2],
    'visual_projection.weight': [3, 2],
  };

  test("names are OpenAI's, position_ids are left out", async () => {
    expect(await namesOf(VISION)).toEqual([
      'Hugging Face',
      [
        'visual.class_embedding',
        'visual.conv1.weight',
        'visual.transformer.resblocks.0.attn.in_proj_weight',
        'visual.transformer.resblocks.0.ln_1.weight',
        'visual.ln_pre.bias',
        'visual.proj',
      ],
    ]);
  });

  test('q, k, v become the rows of in_proj in that order, wherever they lie', async () => {
    // elements count up from 1: class 2, patch 6, position_ids 5, then k 14…17, q 18…21, v 22…25
    expect(await read(VISION, 'visual.transformer.resblocks.0.attn.in_proj_weight')).toEqual([
      18, 19, 20, 21, 14, 15, 16, 17, 22, 23, 24, 25,
    ]);
  });

  test('the projection is transposed', async () => {
    const checkpoint = await open(VISION);
    expect(checkpoint.tensors.get('visual.proj')!.shape).toEqual([2, 3]);
    await checkpoint.close();
    expect(await read(VISION, 'visual.proj')).toEqual([30, 32, 34, 31, 33, 35]);
  });

  test('inside a wrapper', async () => {
    expect(
      (await namesOf(Object.fromEntries(Object.entries(VISION).map(([name, shape]) => [`clip.${name}`, shape]))))[0],
    ).toBe('Hugging Face (inside "clip")');
  });

  test.for([
    ['SigLIP by its bias', 'logit_bias', [1], /SigLIP/],
    ['SigLIP by its embedding', 'vision_model.embeddings.class_embedding', undefined, /holds a SigLIP model/],
    [
      'k missing',
      'vision_model.encoder.layers.0.self_attn.k_proj.weight',
      undefined,
      /has "vision_model\.encoder\.layers\.0\.self_attn\.q_proj\.weight" but no ".*k_proj\.weight"/,
    ],
    [
      'v of another shape',
      'vision_model.encoder.layers.0.self_attn.v_proj.weight',
      [2, 1],
      /v_proj\.weight" expected the shape \(2, 2\).*got \(2, 1\)/,
    ],
    ['a projection of rank 1', 'visual_projection.weight', [6], /expected shape \(E, width\), got \(6\)/],
  ] as const)('%s is an error', async ([, name, shape, message]) => {
    const shapes: Record<string, number[]> = { ...VISION };
    if (shape === undefined) Reflect.deleteProperty(shapes, name);
    else shapes[name] = [...shape];
    expect(await failure(open(shapes))).toMatch(message);
  });
});

describe('config.json beside the weights', () => {
  const place = (name: string, config: unknown, file = 'config.json'): string => {
    mkdirSync(`${folder.path}/${name}`, { recursive: true });
    writeFileSync(`${folder.path}/${name}/${file}`, typeof config === 'string' ? config : JSON.stringify(config));
    writeFileSync(`${folder.path}/${name}/model.safetensors`, counting(CONV));
    return `${folder.path}/${name}`;
  };
  test.for([
    ['quick', { vision_config: { hidden_act: 'quick_gelu', hidden_size: 128, num_attention_heads: 2 } }, 'quick_gelu'],
    ['laion', { vision_config: { hidden_act: 'gelu' } }, 'gelu'],
    ['silent', { vision_config: {} }, 'quick_gelu'],
    ['vision-only', { hidden_act: 'gelu', hidden_size: 64, num_attention_heads: 1 }, 'gelu'],
    ['unrelated', { something: 1 }, undefined],
  ] as const)('%s', async ([name, config, expected]) => {
    const checkpoint = await openCheckpoint(place(name, config));
    expect(checkpoint.metadata.hidden_act).toBe(expected);
    await checkpoint.close();
  });

  test('that is no JSON is said to be none', async () => {
    expect(await failure(openCheckpoint(place('broken', '{')))).toMatch(
      /config\.json" beside the weights is no JSON; repair it, or take it away$/,
    );
  });

  test('open_clip_config.json says it by quick_gelu', async () => {
    for (const [name, quick, expected] of [
      ['oc1', true, 'quick_gelu'],
      ['oc2', undefined, 'gelu'],
    ] as const) {
      const checkpoint = await openCheckpoint(
        place(name, { model_cfg: { quick_gelu: quick, vision_cfg: {} } }, 'open_clip_config.json'),
      );
      expect(checkpoint.metadata.hidden_act).toBe(expected);
      await checkpoint.close();
    }
  });

  test('another activation is refused, not replaced', async () => {
    expect(
      await failure(openCheckpoint(place('tanh', { vision_config: { hidden_act: 'gelu_pytorch_tanh' } }))),
    ).toMatch(/activation "gelu_pytorch_tanh", expected "quick_gelu" or "gelu"/);
  });

  test.each([
    [
      'heads-hf',
      'config.json',
      { vision_config: { hidden_size: 1280, num_attention_heads: 16 }, text_config: { hidden_size: 8 } },
      { hidden_act: 'quick_gelu', vision_width: '1280', vision_heads: '16' },
    ],
    [
      'heads-oc',
      'open_clip_config.json',
      { model_cfg: { vision_cfg: { width: 1408, head_width: 88 }, text_cfg: { width: 1024, heads: 16 } } },
      { hidden_act: 'gelu', vision_width: '1408', vision_heads: '16', text_width: '1024', text_heads: '16' },
    ],
    [
      'heads-rn',
      'open_clip_config.json',
      { model_cfg: { vision_cfg: { width: 80, head_width: 64, layers: [4, 6, 10, 6] } } },
      { hidden_act: 'gelu', vision_width: '80', vision_heads: '40' },
    ],
  ])('%s: %s says how many heads the towers have', async (name, file, config, expected) => {
    const checkpoint = await openCheckpoint(place(name, config, file));
    expect(checkpoint.metadata).toMatchObject(expected);
    expect(Object.keys(checkpoint.metadata).filter((key) => /_(width|heads)$/.test(key))).toEqual(
      Object.keys(expected).filter((key) => key !== 'hidden_act'),
    );
    await checkpoint.close();
  });
});

describe('no CLIP at all', () => {
  test.for([
    ['a timm tower', { 'visual.trunk.patch_embed.proj.weight': [1], 'text.x': [1] }, /timm image tower/],
    ['LoRA', { 'base_model.model.visual.x.lora_A.weight': [1, 1] }, /LoRA adapters/],
    [
      'a head',
      { weight: [1, 768], bias: [1] },
      /an fc head \(2 tensors such as "weight" \(1, 768\).*give it as the head/,
    ],
    [
      'a ResNet of torchvision',
      {
        'conv1.weight': [64, 3, 7, 7],
        'bn1.weight': [64],
        'layer1.0.conv1.weight': [1],
        'layer1.0.bn1.bias': [1],
        'fc.weight': [1, 1],
      },
      /holds a ResNet of torchvision or timm, no CLIP model; CLIP's weights are needed/,
    ],
    [
      'what nobody knows',
      { 'conv1.weight': [64, 3, 7, 7], 'gate.0': [64], 'gate.1': [1], 'gate.2': [1], 'gate.3': [1] },
      /found 5 tensors such as "conv1\.weight" \(64, 3, 7, 7\), .*expected "visual\.conv1\.weight"/,
    ],
    ['nothing', {}, /no tensors at all/],
    [
      'two models',
      { 'a.visual.conv1.weight': [1], 'b.visual.conv1.weight': [1] },
      /holds 2 CLIP models \("a\.", "b\."\)/,
    ],
    ["open_clip's SigLIP", { ...CONV, logit_bias: [] }, /SigLIP/],
  ] as const)('%s', async ([, shapes, message]) => {
    expect(await failure(open(shapes as unknown as Record<string, number[]>))).toMatch(message);
  });
});

describe('values that are not finite', () => {
  const broken = (value: number): string => {
    const file = counting({ ...CONV, other: [2] });
    file.writeFloatLE(value, file.length - 12);
    return folder.write('nan.safetensors', file);
  };
  test.for([NaN, Infinity, -Infinity])('%d in the weights is an error when it is read', async (value) => {
    const checkpoint = await openCheckpoint(broken(value));
    await checkpoint.read('other', new Float32Array(2));
    await expect(checkpoint.read('visual.conv1.weight', new Float32Array(6))).rejects.toThrow(
      new RegExp(`"visual\\.conv1\\.weight" has 1 of 6 elements that are not finite \\(the first is ${value} at 5\\)`),
    );
    await checkpoint.close();
  });

  test('unless it is allowed', async () => {
    const checkpoint = await openCheckpoint(broken(NaN), { allowNonFinite: true });
    const into = new Float32Array(6);
    await checkpoint.read('visual.conv1.weight', into);
    expect([...into]).toEqual([1, 2, 3, 4, 5, NaN]);
    await checkpoint.close();
  });

  test('a double too large for float32 is found too', async () => {
    const header = { 'visual.conv1.weight': { dtype: 'F64', shape: [1, 1, 1, 1], data_offsets: [0, 8] } };
    const { safetensors } = await import('../../support/checkpoints.ts');
    const checkpoint = await openCheckpoint(
      folder.write('double.safetensors', safetensors(header, Buffer.from(Float64Array.of(1e39).buffer))),
    );
    expect(await failure(checkpoint.read('visual.conv1.weight', new Float32Array(1)))).toMatch(/the first is Infinity/);
    await checkpoint.close();
  });
});

describe('the file while it is open', () => {
  test('truncated or rewritten after opening: an error, not garbage', async () => {
    const file = folder.write('live.safetensors', counting(CONV));
    const checkpoint = await openCheckpoint(file);
    writeFileSync(file, counting({ ...CONV, more: [5] }));
    expect(await failure(checkpoint.read('visual.conv1.weight', new Float32Array(6)))).toMatch(
      /has changed since it was opened/,
    );
    await checkpoint.close();
  });

  test('reading after close, twice closed', async () => {
    const checkpoint = await open(CONV);
    await checkpoint.close();
    await checkpoint.close();
    expect(await failure(checkpoint.read('visual.conv1.weight', new Float32Array(6)))).toMatch(
      /is closed: open the checkpoint again/,
    );
  });

  test('a destination of the wrong size or type', async () => {
    const checkpoint = await open(CONV);
    expect(await failure(checkpoint.read('visual.conv1.weight', new Float32Array(5)))).toMatch(
      /expected 6 elements for \(2, 3, 1, 1\), got 5/,
    );
    await expect(
      checkpoint.read('visual.conv1.weight', new Float64Array(6) as unknown as Float32Array),
    ).rejects.toThrow(TypeError);
    await checkpoint.close();
  });

  test('many reads at once do not disturb each other', async () => {
    const shapes = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [i === 0 ? 'visual.conv1.weight' : `t${i}`, [1000 + i]]),
    );
    const checkpoint = await open(shapes);
    const buffers = await Promise.all(
      Object.entries(shapes).map(async ([name, [n]]) => {
        const into = new Float32Array(n);
        await checkpoint.read(name, into);
        return into;
      }),
    );
    await checkpoint.close();
    let next = 1,
      wrong = 0;
    for (const buffer of buffers) for (const value of buffer) if (value !== next++) wrong++;
    expect(wrong).toBe(0);
  });
});
