// Whole models: the SIMD executor gives the plain one's bits, in features and in every traced tensor, for any number of
// threads and images. simd.long.test.ts has the bundled models on every number of threads.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { poolThreads } from '../../workers/pool.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { CLIP } from '../../src/clip/clip.ts';
import { loadModel } from '../../src/clip/load-model.ts';
import { load, openWeights } from '../../src/clip/load.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';
import { readGolden } from '../support/golden.ts';
import { rebuild } from '../support/skeletons.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-simd-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['tiny-rn', 'tiny-vit', 'mini-rn', 'mini-vit'])('%s', (name) => {
  const weights = name.startsWith('tiny') ? 'synthetic:3' : undefined;
  let plain: CLIP;
  let resolution: number;
  /** By number of images: the plain loops need not compute them anew for every number of threads. */
  const expected = new Map<number, Promise<Tensor>>();
  const features = (n: number): Promise<Tensor> => {
    if (!expected.has(n)) expected.set(n, plain.encodeImage(syntheticImage(n, n, resolution)));
    return expected.get(n)!;
  };
  beforeAll(async () => {
    plain = (await load(name, { weights, executor: 'reference' })).model;
    resolution = plain.architecture.vision!.resolution;
  });
  afterAll(() => plain.close());

  // Starting threads costs more than the tiny models' work on them.
  test.each(name.startsWith('tiny') ? [1, 2, 7] : [3])('features of batches on %i threads', async (threads) => {
    // Not by load, which takes no more threads than there are cores.
    const model = await loadModel({ name, open: () => openWeights(name, weights) }, { executor: 'simd', threads });
    expect(model.threads).toBe(threads);
    expect(model.executor).toBe('simd');
    for (const n of name.startsWith('tiny') ? [1, 2, 5, 2] : [1, 2])
      expectSameBits(await model.encodeImage(syntheticImage(n, n, resolution)), await features(n));
    await model.close();
  });

  test('every traced tensor, in the same order', async () => {
    const { model } = await load(name, { weights, executor: 'simd', threads: 2 });
    const image = syntheticImage(9, name.startsWith('tiny') ? 2 : 1, resolution);
    const traces: [string, Tensor][][] = [];
    for (const one of [plain, model]) {
      const trace: [string, Tensor][] = [];
      await one.encodeImage(image, {
        tap: (module, output) => {
          trace.push([module, { ...output, data: output.data.slice(), get: output.get } as Tensor]);
        },
      });
      traces.push(trace);
    }
    expect(traces[1].map(([module]) => module)).toEqual(traces[0].map(([module]) => module));
    traces[1].forEach(([module, output], i) => expectSameBits(output, traces[0][i][1], module));
    await model.close();
  });

  test.runIf(name !== 'mini-rn')('text features, for texts of several lengths, and logits', async () => {
    const { model } = await load(name, { weights, executor: 'simd', threads: 2 });
    const tokens = readGolden('fixtures/tiny/tiny-vit.trace.safetensors').integers('input/tokens');
    expectSameBits(await model.encodeText(tokens), await plain.encodeText(tokens));
    expectSameBits(await model.encodeText(tokens.lo(1, 0)), await plain.encodeText(tokens.lo(1, 0)));
    const image = syntheticImage(1, 1, resolution);
    expectSameBits(
      (await model.forward(image, tokens)).logitsPerImage,
      (await plain.forward(image, tokens)).logitsPerImage,
    );
    await model.close();
  });
});

test('a batch larger than one pass takes is divided, with the same bits', async () => {
  const { model } = await load('tiny-vit', { executor: 'simd', threads: 2 });
  const image = syntheticImage(0, 900, 32);
  const features = await model.encodeImage(image);
  for (const n of [0, 783, 784, 899]) {
    expectSameBits(features.lo(n, 0).hi(1, 32), await model.encodeImage(image.lo(n, 0, 0, 0).hi(1, 3, 32, 32)));
  }
  await model.close();
});

describe('half residency', () => {
  test.each(['tiny-rn.jit.pt', 'tiny-vit.jit.pt'])(
    '%s: half-precision matrices stay so, and the bits are those of widened ones',
    async (file) => {
      const path = join(folder, file);
      writeFileSync(path, rebuild(file));
      const single = (await load(path, { executor: 'reference' })).model;
      const image = syntheticImage(0, 2, single.architecture.vision!.resolution);
      for (const threads of [1, 2]) {
        const half = (await load(path, { executor: 'simd', threads, residency: 'half' })).model;
        expectSameBits(await half.encodeImage(image), await single.encodeImage(image));
        await half.close();
      }
      await single.close();
    },
  );

  test('is refused where it cannot be', async () => {
    await expect(load('tiny-vit', { executor: 'reference', residency: 'half' })).rejects.toThrow(
      /^load: "residency" expected single with executor reference, got half; only the SIMD executor widens weights/,
    );
  });
});

describe('calls', () => {
  test('with one thread no worker is started', async () => {
    const { model } = await load('tiny-vit', { executor: 'simd', threads: 1 });
    await model.encodeImage(syntheticImage(0, 1, 32));
    expect(poolThreads()).toHaveLength(0);
    await model.close();
  });

  test('many at once queue and all are right', async () => {
    const { model } = await load('tiny-vit', { executor: 'simd', threads: 2 });
    const images = Array.from({ length: 24 }, (_, i) => syntheticImage(i, 1 + (i % 3), 32));
    const together = await Promise.all(images.map((image) => model.encodeImage(image)));
    for (const [i, image] of images.entries()) expectSameBits(together[i], await model.encodeImage(image));
    await model.close();
  });

  test('can be cancelled before and in the middle; the next one works', async () => {
    const { model } = await load('mini-vit', { executor: 'simd', threads: 2 });
    const image = syntheticImage(0, 90, 64);
    const expected = await model.encodeImage(image);
    await expect(model.encodeImage(image, { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    );
    const controller = new AbortController();
    const call = model.encodeImage(image, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await expect(call).rejects.toThrow('enough');
    expectSameBits(await model.encodeImage(image), expected);
    await model.close();
  });

  test('the event loop is not blocked while threads compute', async () => {
    const { model } = await load('mini-vit', { executor: 'simd', threads: 2 });
    const image = syntheticImage(0, 90, 64);
    await model.encodeImage(image);
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    const start = performance.now();
    await model.encodeImage(image);
    const total = performance.now() - start;
    clearInterval(timer);
    expect(longest).toBeLessThan(total / 2);
    await model.close();
  });

  test('a closed model refuses, and closing waits for the calls made before', async () => {
    const { model } = await load('tiny-vit', { executor: 'simd', threads: 2 });
    const image = syntheticImage(0, 1, 32);
    const calls = [model.encodeImage(image), model.encodeImage(image)];
    await Promise.resolve();
    const closing = model.close();
    for (const call of calls) expect((await call).shape).toEqual([1, 32]);
    await closing;
    await expect(model.encodeImage(image)).rejects.toThrow(/closed/);
    expect(poolThreads()).toHaveLength(0);
  });
});
