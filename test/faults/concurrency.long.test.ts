// 200 calls at once: on one model, and on several that share their threads. Right bits, bounded memory, fair turns.
// Guards: SimdExecutor's #exclusive (one run at a time in a model's memory; without it the bits are wrong) and
// workers/fair-queue.ts (turns; its own tests beside it).

import { describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { load } from '../../src/clip/load.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';

const CALLS = 200;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe.each([
  ['simd', 1],
  ['simd', 2],
  ['reference', 1],
] as const)('%s, %i threads', (executor, threads) => {
  test('200 calls on one model', async () => {
    const { model } = await load('tiny-vit', { weights: 'synthetic:0', executor, threads });
    const images = SEEDS.map((seed) => syntheticImage(seed, executor === 'reference' ? 1 : 1 + (seed % 3), 32));
    const right: Tensor[] = [];
    for (const image of images) right.push(await model.encodeImage(image));
    const before = process.memoryUsage.rss();
    const order: number[] = [];
    const results = await Promise.all(
      Array.from({ length: CALLS }, async (_, call) => {
        const result = await model.encodeImage(images[call % images.length]);
        order.push(call);
        return result;
      }),
    );
    results.forEach((result, call) => {
      expectSameBits(result, right[call % images.length], `call ${call}`);
    });
    expect(order).toEqual([...order].sort((a, b) => a - b)); // first come, first served
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
    await model.close();
  });

  test.skipIf(executor === 'reference')('200 calls on four models', async () => {
    const models = await Promise.all(
      SEEDS.slice(0, 4).map(
        async (seed) =>
          (await load(seed % 2 ? 'tiny-vit' : 'tiny-rn', { weights: `synthetic:${seed}`, executor, threads })).model,
      ),
    );
    const images = models.map((model, m) => syntheticImage(m, 1, model.architecture.vision!.resolution));
    const right = await Promise.all(models.map((model, m) => model.encodeImage(images[m])));
    const done: number[] = [];
    await Promise.all(
      Array.from({ length: CALLS }, async (_, call) => {
        // All calls of the first model come before the first call of the last one.
        const m = Math.floor(call / (CALLS / 4));
        expectSameBits(await models[m].encodeImage(images[m]), right[m], `call ${call} on model ${m}`);
        done.push(m);
      }),
    );
    // Where models share threads they take turns: when half is done, the last model has had a part of it.
    if (executor === 'simd' && threads > 1)
      for (const m of [0, 1, 2, 3])
        expect(done.slice(0, CALLS / 2).filter((each) => each === m).length, `model ${m}`).toBeGreaterThanOrEqual(15);
    for (const model of models) await model.close();
  });

  test.skipIf(executor === 'reference')('cancelled ones among them leave the others right', async () => {
    const { model } = await load('tiny-vit', { weights: 'synthetic:0', executor, threads });
    const image = syntheticImage(1, 1, 32);
    const right = await model.encodeImage(image);
    const outcomes = await Promise.all(
      Array.from({ length: CALLS }, async (_, call) => {
        const controller = new AbortController();
        const result = model.encodeImage(image, { signal: controller.signal });
        if (call % 3 === 0) controller.abort(new Error('not this one'));
        return result.then(
          (feature) => {
            expectSameBits(feature, right);
            return 'right';
          },
          (error: Error) => error.message,
        );
      }),
    );
    outcomes.forEach((outcome, call) => {
      expect(outcome, `call ${call}`).toBe(call % 3 === 0 ? 'not this one' : 'right');
    });
    await model.close();
  });
});
