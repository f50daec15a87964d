// verify on the tiny models, with PyTorch's own traces: right backends pass however they name and lay out their
// tensors, wrong ones are told where.

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { memoryDump, type AnyTensor } from '../../src/oracle/memory-dump.ts';
import type { LayerDetail, VerifyResult } from '../../src/oracle/types.ts';
import { verify, type VerifyOptions } from '../../src/oracle/verify.ts';
import { changed, goldenTrace, permuted, type Trace } from './support/golden-trace.ts';

type Name = 'tiny-rn' | 'tiny-vit';
const models = { 'tiny-rn': load('tiny-rn', { threads: 1 }), 'tiny-vit': load('tiny-vit', { threads: 1 }) };
const traces = { 'tiny-rn': goldenTrace('tiny-rn'), 'tiny-vit': goldenTrace('tiny-vit') };
afterAll(async () => {
  for (const { model } of await Promise.all(Object.values(models))) await model.close();
});

const schema = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync(new URL('../../schema/verify-result.json', import.meta.url), 'utf8')) as object,
);

/** Every result of this file, as JSON has it, is held against the schema that is published. */
async function check(
  name: Name,
  tensors: Record<string, AnyTensor>,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const { model } = await models[name];
  const result = await verify(model, memoryDump(tensors), { causes: false, ...options });
  schema(JSON.parse(JSON.stringify(result)));
  expect(schema.errors ?? []).toEqual([]);
  return result;
}

const verdicts = (result: VerifyResult, verdict: string): string[] =>
  result.layers.filter((layer) => layer.verdict === verdict).map(({ name }) => name);

/** What the modules of one image put out: the first of a batch. */
function firstImage(trace: Trace): Trace {
  return Object.fromEntries(
    Object.entries(trace).map(([name, { shape, data }]) => {
      const axis = shape.length === 3 && !name.endsWith('ln_pre') ? 1 : 0; // (T,N,D)
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      return [
        name,
        {
          shape: shape.map((extent, i) => (i === axis ? 1 : extent)),
          data: Float32Array.from(data.filter((_, i) => Math.floor(i / inner) % shape[axis] === 0)),
        },
      ];
    }),
  );
}

describe.each(['tiny-rn', 'tiny-vit'] as const)('%s: right backends pass', (name) => {
  const trace = traces[name];
  const modules = Object.keys(trace).filter((key) => key !== 'image');

  test.each([false, true])(
    "PyTorch's truth, rounded to float32, on every layer (teacher-forced: %s)",
    async (teacherForced) => {
      const result = await check(name, trace, { teacherForced });
      expect(result).toMatchObject({
        verdict: 'pass',
        firstWrong: null,
        causes: [],
        missing: [],
        unknown: [],
        notes: [],
        model: name,
        weights: 'synthetic:0',
        claim: 'float32',
        teacherForced,
      });
      expect(verdicts(result, 'pass').sort()).toEqual([...modules].sort());
      for (const layer of result.layers) expect(layer.relRms, layer.name).toBeLessThan(2 ** -23);
    },
  );

  test("layers come in the network's order, each seen once with all its numbers", async () => {
    const seen: LayerDetail[] = [];
    const result = await check(name, trace, { onLayer: (detail) => seen.push(detail) });
    expect(seen.map((detail) => detail.result)).toEqual(result.layers);
    expect(result.layers[0].name).toBe('visual.conv1');
    expect(result.layers.at(-1)!.name).toBe('visual');
    for (const {
      result: { name: layer, shape },
      backend,
      reference,
      truth,
    } of seen) {
      expect(backend).toEqual(trace[layer]);
      expect([reference.shape, truth.shape]).toEqual([shape, shape]);
      expect([reference.data.constructor, truth.data.constructor]).toEqual([Float32Array, Float64Array]);
    }
  });

  test('one image, without its batch axis, channels last or batch first, with a prefix', async () => {
    const other = Object.fromEntries(
      Object.entries(firstImage(trace)).map(([key, values]) => {
        const { shape, data } =
          values.shape.length === 4
            ? permuted(values, [0, 2, 3, 1])
            : values.shape.length === 3 && !key.endsWith('ln_pre')
              ? permuted(values, [1, 0, 2])
              : values;
        return [key === 'image' ? 'pixel_values' : `model.${key}`, { shape: shape.slice(1), data }];
      }),
    );
    const result = await check(name, other);
    expect([result.verdict, verdicts(result, 'pass').length, result.unknown]).toEqual(['pass', modules.length, []]);
  });

  test('some layers are enough, and the rest is neither computed nor compared', async () => {
    const some = modules.filter((_, i) => i % 7 === 3).slice(0, 2);
    const seen: string[] = [];
    const result = await check(
      name,
      {
        image: trace.image,
        ...Object.fromEntries(some.map((key) => [key, trace[key]])),
        logit_scale: { shape: [], data: [1] },
      },
      {
        onProgress: ({ layer, done, total }) => {
          seen.push(layer);
          expect(done).toBe(seen.length);
          expect(total).toBeGreaterThanOrEqual(done);
        },
      },
    );
    expect([result.verdict, result.layers.map((layer) => layer.name).sort(), result.unknown]).toEqual([
      'pass',
      [...some].sort(),
      ['logit_scale'],
    ]);
    expect(result.missing.length).toBe(modules.length - 2);
    expect(seen.at(-1)).toBe(result.layers.at(-1)!.name);
  });

  test('the input may come from elsewhere', async () => {
    const { image, ...rest } = trace;
    const { model } = await models[name];
    const pixels = memoryDump({ image }).read('image');
    const { tensorOf } = await import('../../src/formats/values.ts');
    expect((await verify(model, memoryDump(rest), { image: tensorOf(pixels) })).verdict).toBe('pass');
  });
});

describe('layouts that a shape does not tell', () => {
  const { image, 'visual.layer2.0.conv1': cube, 'visual.layer2.0.conv3': conv } = traces['tiny-rn'];
  const last = permuted(cube, [0, 2, 3, 1]);

  test('C = H = W alone: the nearest, and it is said', async () => {
    expect(cube.shape).toEqual([2, 16, 16, 16]);
    const result = await check('tiny-rn', { image, 'visual.layer2.0.conv1': last });
    expect(result.verdict).toBe('pass');
    expect(result.notes).toEqual([
      'read as NHWC, which is nearest, where the shape allows NCHW or NHWC: visual.layer2.0.conv1 (2, 16, 16, 16)',
    ]);
    expect((await check('tiny-rn', { image, 'visual.layer2.0.conv1': cube })).notes).toEqual([]);
  });

  test('where other tensors tell, it is theirs: what is in the other order is a fault', async () => {
    const result = await check('tiny-rn', {
      image,
      'visual.layer2.0.conv1': last,
      'visual.layer2.0.conv3': permuted(conv, [0, 2, 3, 1]),
    });
    expect([result.verdict, result.notes]).toEqual(['pass', []]);
    expect(
      await check('tiny-rn', { image, 'visual.layer2.0.conv1': last, 'visual.layer2.0.conv3': conv }),
    ).toMatchObject({ verdict: 'fail', firstWrong: 'visual.layer2.0.conv1' });
  });

  test('height and width exchanged are a fault, no layout', async () => {
    const result = await check('tiny-rn', { image, 'visual.layer2.0.conv3': permuted(conv, [0, 1, 3, 2]) });
    expect(result).toMatchObject({ verdict: 'fail', firstWrong: 'visual.layer2.0.conv3' });
  });
});

describe('wrong backends are told where', () => {
  const cases: [string, Name, string, (data: Float32Array, shape: readonly number[]) => Float32Array | undefined][] = [
    [
      'one element of 65,536 off by a thousandth of the largest',
      'tiny-rn',
      'visual.conv3',
      (data) => data.map((x, i) => (i === 777 ? x + 0.001 * Math.max(...data) : x)),
    ],
    [
      'one token of 17',
      'tiny-vit',
      'visual.transformer.resblocks.1.attn',
      (data, [, N, D]) => data.map((x, i) => (Math.floor(i / (N * D)) === 5 ? 1.0001 * x : x)),
    ],
    [
      'one channel',
      'tiny-rn',
      'visual.layer3.0.conv2',
      (data, [, C, H, W]) => data.map((x, i) => (Math.floor(i / (H * W)) % C === 3 ? 1.001 * x : x)),
    ],
    [
      'rounded to half precision',
      'tiny-vit',
      'visual.transformer.resblocks.0.mlp.c_fc',
      (data) => data.map((x) => Math.fround(Math.fround(x * 4097) - Math.fround(x * 4096))),
    ],
    [
      'two images exchanged',
      'tiny-vit',
      'visual',
      (data, [, E]) => Float32Array.from([...data.subarray(E), ...data.subarray(0, E)]),
    ],
    ['all zero', 'tiny-rn', 'visual.attnpool', (data) => data.fill(0)],
    ['relu left out', 'tiny-rn', 'visual.relu2', () => Float32Array.from(traces['tiny-rn']['visual.bn2'].data)],
  ];

  test.each(cases)('%s', async (_, name, layer, change) => {
    const dump = changed(traces[name], layer, change);
    for (const teacherForced of [false, true]) {
      const result = await check(name, dump, { teacherForced });
      expect([result.verdict, result.firstWrong]).toEqual(['fail', layer]);
      // Free-running, the dump's other tensors are right; teacher-forced, those that follow directly were given wrong
      // inputs.
      if (!teacherForced) expect(verdicts(result, 'wrong')).toEqual([layer]);
    }
  });

  test('the worst token and channel are named', async () => {
    const token = await check('tiny-vit', changed(traces['tiny-vit'], ...(cases[1].slice(2, 4) as [string, never])));
    expect(token.layers.find(({ name }) => name === token.firstWrong)!.worst).toMatchObject({
      kind: 'token',
      index: 5,
    });
    const channel = await check('tiny-rn', changed(traces['tiny-rn'], ...(cases[2].slice(2, 4) as [string, never])));
    expect(channel.layers.find(({ name }) => name === channel.firstWrong)!.worst).toMatchObject({
      kind: 'channel',
      index: 3,
    });
  });

  test(
    'a backend whose network goes on with the fault: what follows is wrong free-running, and right on its own ' +
      'inputs',
    async () => {
      // The backend is this project's plain float32 with a fault after one module; the dump says what its network
      // computed from there.
      const { model } = await models['tiny-vit'];
      const { valuesOf, tensorOf } = await import('../../src/formats/values.ts');
      const dump: Trace = { image: traces['tiny-vit'].image };
      await model.encodeImage(tensorOf(dump.image), {
        tap: (name, output) => {
          const values = valuesOf(output);
          if (name === 'visual.transformer.resblocks.0.ln_2')
            values.data.forEach((x, i) => {
              values.data[i] = x * 1.01;
            });
          dump[name] = { shape: values.shape, data: values.data.slice() };
          return tensorOf(values);
        },
      });
      const free = await check('tiny-vit', dump);
      expect(free.firstWrong).toBe('visual.transformer.resblocks.0.ln_2');
      expect(verdicts(free, 'pass')).toEqual([
        'visual.conv1',
        'visual.ln_pre',
        'visual.transformer.resblocks.0.ln_1',
        'visual.transformer.resblocks.0.attn',
      ]);
      const own = await check('tiny-vit', dump, { teacherForced: true });
      expect(verdicts(own, 'wrong')).toEqual(['visual.transformer.resblocks.0.ln_2']);
    },
  );

  test("a fault that hides in the noise of the layers before is found on the backend's own inputs", async () => {
    const layer = 'visual.transformer.resblocks.1.ln_1';
    const dump = changed(traces['tiny-vit'], layer, (data) => data.map((x) => x * (1 + 3e-6)));
    const result = await check('tiny-vit', dump);
    expect(result).toMatchObject({ verdict: 'fail', firstWrong: layer });
    const { rho, ownRho } = result.layers.find(({ name }) => name === layer)!;
    expect(rho).toBeLessThan(16);
    expect(ownRho).toBeGreaterThan(16);
    expect(verdicts(result, 'wrong')).toEqual([layer]);
  });

  test('NaN and infinity, and what stands before them is still judged', async () => {
    const dump = changed(traces['tiny-rn'], 'visual.layer1.0.bn1', (data) =>
      data.map((x, i) => (i === 0 ? NaN : i === 9 ? Infinity : x)),
    );
    const result = await check('tiny-rn', dump);
    expect(result.firstWrong).toBe('visual.layer1.0.bn1');
    expect(result.layers.find(({ name }) => name === 'visual.layer1.0.bn1')).toMatchObject({
      nonFinite: 2,
      rho: Infinity,
      verdict: 'wrong',
    });
    expect(verdicts(result, 'wrong')).toEqual(['visual.layer1.0.bn1']);
  });

  test('a layer of another shape is a wrong layer', async () => {
    const { shape, data } = traces['tiny-rn']['visual.layer2.0.conv2'];
    const strided = { shape: [shape[0], shape[1], shape[2] / 2, shape[3] / 2], data: data.slice(0, data.length / 4) };
    for (const teacherForced of [false, true]) {
      const result = await check(
        'tiny-rn',
        { ...traces['tiny-rn'], 'visual.layer2.0.conv2': strided },
        { teacherForced },
      );
      expect(result).toMatchObject({ verdict: 'fail', firstWrong: 'visual.layer2.0.conv2' });
      expect(result.layers.find(({ name }) => name === result.firstWrong)).toMatchObject({
        shape,
        storedShape: strided.shape,
        rho: Infinity,
      });
      expect(verdicts(result, 'wrong')).toEqual(['visual.layer2.0.conv2']);
    }
  });

  test('limits can be given', async () => {
    const result = await check('tiny-rn', traces['tiny-rn'], {
      limits: (name) => (name === 'visual' ? { pass: 0, plausible: 0 } : { pass: Infinity, plausible: Infinity }),
    });
    expect(result).toMatchObject({ verdict: 'fail', firstWrong: 'visual' });
  });
});

describe('dumps that are none of this model, each in a sentence', () => {
  const { image, ...vit } = traces['tiny-vit'];
  const rn = traces['tiny-rn'];
  const zeros = (...shape: number[]): AnyTensor => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  test.each<[string, Record<string, AnyTensor>, string]>([
    [
      'no input',
      vit,
      '"dump in memory" has no input: expected the pixels (N, 3, 32, 32) that the backend was given as ' +
        '"image"; put them into the dump, or name them (--image, --input, option "image")',
    ],
    [
      'another model',
      rn,
      '"dump in memory": its input "image" has shape (2, 3, 64, 64), but tiny-vit takes (N, 3, 32, 32); it is ' +
        'a dump of tiny-rn, so compare it with that (--model tiny-rn)',
    ],
    [
      'an input of no model',
      { ...vit, image: zeros(2, 3, 31, 32) },
      '"dump in memory": its input "image" has shape (2, 3, 31, 32), but tiny-vit takes (N, 3, 32, 32); dump ' +
        'the pixels that the backend was given',
    ],
    [
      'a NaN in the input',
      { ...vit, image: { shape: image.shape, data: image.data.map((x, i) => (i === 5 ? NaN : x)) as Float32Array } },
      '"dump in memory": element 5 of its input "image" is NaN; nothing can be computed from that, so dump the ' +
        'pixels again',
    ],
    [
      'another batch',
      { ...vit, image: zeros(3, 3, 32, 32) },
      '"dump in memory": its tensors are of 2 images, its input is of 3 images; dump both from the same call',
    ],
    [
      'shapes of nothing',
      { image, 'visual.conv1': zeros(2, 5), visual: zeros(2, 33) },
      '"dump in memory": "visual.conv1" expected shape (2, 128, 4, 4) for visual.conv1 of tiny-vit, in this or ' +
        'another usual order, got (2, 5), and 1 more of 2 do not fit; is it a dump of this model?',
    ],
    [
      'one tensor, of another shape',
      { image, visual: zeros(2, 33) },
      '"dump in memory": "visual" expected shape (2, 32) for visual of tiny-vit, in this or another usual ' +
        'order, got (2, 33); is it a dump of this model?',
    ],
    [
      'unknown names',
      { image, a: zeros(1) },
      "expected outputs of modules such as visual.conv1 or visual, got a; name them by PyTorch's paths, or " +
        'give a mapping file',
    ],
  ])('%s', async (_, tensors, message) => {
    await expect(check('tiny-vit', tensors)).rejects.toThrow(message);
  });

  test.each<[string, VerifyOptions, string]>([
    [
      'a claim that is none',
      { claim: 'float8' as never },
      'verify: "claim" expected one of float32, tf32, float16, bfloat16, int8-weights, got float8',
    ],
    [
      'an image that is no tensor',
      { image: [1] as never },
      'verify: "image" expected an ndarray over Float32Array, got something else; make it with preprocess(image)',
    ],
  ])('options: %s', async (_, options, message) => {
    await expect(check('tiny-vit', traces['tiny-vit'], options)).rejects.toThrow(message);
  });

  test('tensors in memory that are none', () => {
    expect(() => memoryDump({ visual: 5 as never })).toThrow(
      'visual: expected a tensor, got number; give an ndarray, or { shape, data } in row-major order',
    );
    expect(() => memoryDump({ visual: { shape: [2, 2], data: new Float32Array(3) } })).toThrow(
      'visual: shape (2, 2) expected 4 numbers, got 3; give all of them in row-major order',
    );
    expect(() => memoryDump({ visual: { shape: [2], data: new Uint16Array(2) as never } })).toThrow(
      'visual: "data" expected a Float32Array, a Float64Array or an array of numbers, got Uint16Array; widen ' +
        'halves to float32 first',
    );
    expect(() => memoryDump({ visual: { shape: [1], data: [1] } }).read('a')).toThrow('has no tensor "a"');
  });

  test('it can be cancelled, and the model goes on', async () => {
    const { model } = await models['tiny-rn'];
    const controller = new AbortController();
    const dump = memoryDump(traces['tiny-rn']);
    await expect(verify(model, dump, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    await expect(
      verify(model, dump, { signal: controller.signal, onLayer: () => controller.abort(new Error('half way')) }),
    ).rejects.toThrow('half way');
    await expect(
      verify(model, dump, {
        onLayer: () => {
          throw new Error('of its own');
        },
      }),
    ).rejects.toThrow('of its own');
    expect((await verify(model, dump)).verdict).toBe('pass');
  });
});
