// Whole models in float64 mode: the SIMD executor gives the plain loops' bits, in features and in every traced tensor,
// for any number of threads and images, with the same weights in memory that float32 mode uses. PyTorch judges the
// truth itself in test/layers/trace.test.ts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { CLIP, EncodeOptions } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import { toFloat64 } from '../../src/ops/contiguous.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';
import { readGolden } from '../support/golden.ts';
import { rebuild } from '../support/skeletons.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-simd64-'));
afterAll(() => rmSync(folder, { recursive: true }));

const copyOf = (x: Tensor): Tensor => ndarray(x.data.slice(), [...x.shape], [...x.stride], x.offset) as Tensor;

/** Module outputs in the order in which they come; `instead` says what the network goes on with. */
async function traceOf(
  model: CLIP,
  image: Tensor,
  options: EncodeOptions = {},
  instead: (name: string, output: Tensor) => Tensor | undefined = () => undefined,
) {
  const trace: [string, Tensor][] = [];
  await model.encodeImage(image, {
    ...options,
    tap: (name, output) => {
      trace.push([name, copyOf(output)]);
      return instead(name, output);
    },
  });
  return trace;
}

function expectSameTrace(actual: [string, Tensor][], expected: [string, Tensor][]): void {
  expect(actual.map(([name]) => name)).toEqual(expected.map(([name]) => name));
  actual.forEach(([name, output], i) => {
    expectSameBits(output, expected[i][1], name);
  });
}

describe.each(['tiny-rn', 'tiny-vit', 'mini-rn', 'mini-vit'])('%s', (name) => {
  const weights = name.startsWith('tiny') ? 'synthetic:3' : undefined;
  const batches = name.startsWith('tiny') ? [1, 2, 5] : [1, 2];
  let plain: CLIP;
  let resolution: number;
  const truths = new Map<number, Tensor>();
  beforeAll(async () => {
    plain = (await load(name, { weights, executor: 'reference', precision: 'float64' })).model;
    resolution = plain.architecture.vision!.resolution;
    for (const n of batches) truths.set(n, await plain.encodeImage(syntheticImage(n, n, resolution)));
  });
  afterAll(() => plain.close());

  test.each([1, 2, 3, 7])('features of batches on %i threads, float32 between them', async (threads) => {
    const { model } = await load(name, { weights, executor: 'simd', threads });
    const single = await model.encodeImage(syntheticImage(1, 1, resolution));
    for (const n of [...batches, 1]) {
      expectSameBits(
        await model.encodeImage(syntheticImage(n, n, resolution), { precision: 'float64' }),
        truths.get(n)!,
      );
      expectSameBits(await model.encodeImage(syntheticImage(1, 1, resolution)), single);
    }
    await model.close();
  });

  test('every traced tensor, in the same order', async () => {
    const { model } = await load(name, { weights, threads: 2 });
    const image = syntheticImage(9, 2, resolution);
    expectSameTrace(await traceOf(model, image, { precision: 'float64' }), await traceOf(plain, image));
    await model.close();
  });

  test('a tensor that a tap gives back is what the network goes on with', async () => {
    const { model } = await load(name, { weights, threads: 2 });
    const image = syntheticImage(9, 1, resolution);
    const bend = (module: string, output: Tensor): Tensor | undefined => {
      if (!/conv1$|ln_1$/.test(module)) return undefined;
      const bent = copyOf(output);
      for (let i = 0; i < bent.data.length; i += 3) bent.data[i] += 1 / 3;
      return bent;
    };
    const forced = await traceOf(model, image, { precision: 'float64' }, bend);
    expectSameTrace(forced, await traceOf(plain, image, {}, bend));
    expect(() =>
      expectSameTrace(
        forced,
        forced.map(([module, output], i) => [module, i === forced.length - 1 ? truths.get(1)! : output]),
      ),
    ).toThrow();
    await model.close();
  });

  test.runIf(name !== 'mini-rn')('text features, traces of texts, logits', async () => {
    const { model } = await load(name, { weights, threads: 2, precision: 'float64' });
    const tokens = readGolden('fixtures/tiny/tiny-vit.trace.safetensors').integers('input/tokens');
    expectSameBits(await model.encodeText(tokens), await plain.encodeText(tokens));
    expectSameBits(await model.encodeText(tokens.lo(1, 0)), await plain.encodeText(tokens.lo(1, 0)));
    const traces: [string, Tensor][][] = [[], []];
    for (const [i, one] of [model, plain].entries())
      await one.encodeText(tokens, {
        tap: (module, output) => {
          traces[i].push([module, copyOf(output)]);
        },
      });
    expectSameTrace(traces[0], traces[1]);
    const image = syntheticImage(1, 1, resolution);
    expectSameBits(
      (await model.forward(image, tokens)).logitsPerImage,
      (await plain.forward(image, tokens)).logitsPerImage,
    );
    await model.close();
  });
});

test.each(['tiny-rn.jit.pt', 'tiny-vit.jit.pt'])(
  '%s with half residency: the bits of widened matrices',
  async (file) => {
    const path = join(folder, file);
    writeFileSync(path, rebuild(file));
    const plain = (await load(path, { executor: 'reference', precision: 'float64' })).model;
    const image = syntheticImage(0, 2, plain.architecture.vision!.resolution);
    const truth = await plain.encodeImage(image);
    for (const threads of [1, 2]) {
      const { model } = await load(path, { threads, residency: 'half', precision: 'float64' });
      expect([model.executor, model.precision]).toEqual(['simd', 'float64']);
      expectSameBits(await model.encodeImage(image), truth);
      await model.close();
    }
    await plain.close();
  },
);

test('auto takes SIMD for float64, which answers in float32 too where a call asks for it', async () => {
  const { model } = await load('tiny-vit', { precision: 'float64', threads: 2 });
  const single = (await load('tiny-vit', { threads: 1 })).model;
  expect([model.executor, model.threads, model.precision]).toEqual(['simd', 2, 'float64']);
  const image = syntheticImage(0, 1, 32);
  expectSameBits(await model.encodeImage(image, { precision: 'float32' }), await single.encodeImage(image));
  expectSameBits(await model.encodeImage(toFloat64(image)), await model.encodeImage(image));
  await expect(model.encodeImage(image, { tap: (_, output) => output.lo(0).hi(0) as Tensor })).rejects.toThrow(
    /tap: expected a tensor of shape/,
  );
  await model.close();
  await single.close();
});

test('float64 can be cancelled in the middle; the next call works', async () => {
  const { model } = await load('mini-vit', { threads: 2 });
  const image = syntheticImage(0, 40, 64);
  const expected = await model.encodeImage(image, { precision: 'float64' });
  const controller = new AbortController();
  const call = model.encodeImage(image, { precision: 'float64', signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 5);
  await expect(call).rejects.toThrow('enough');
  expectSameBits(await model.encodeImage(image, { precision: 'float64' }), expected);
  await model.close();
});
