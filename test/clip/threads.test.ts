// How many threads a model gets: no more than there are cores, and by default no more than its size is worth.

import { describe, expect, test } from 'vitest';
import { usableCores } from '../../workers/cores.ts';
import { poolThreads } from '../../workers/pool.ts';
import { load } from '../../src/clip/load.ts';
import { MODELS } from '../../src/clip/models.ts';
import { threadsFor } from '../../src/clip/threads.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';

const HOST = { byDefault: 64, most: 64 };
const architecture = (name: string) => MODELS.find((model) => model.name === name)! as never;

describe('on a host of 64 cores', () => {
  // Multiply-adds of an image: 57, 17, 7.0 and 4.6 million, then thousands of millions; 4 million a thread.
  test.each([
    ['mini-vit', 15],
    ['mini-rn', 5],
    ['tiny-vit', 2],
    ['tiny-rn', 2],
    ['RN50', 64],
    ['ViT-B/32', 64],
  ])('%s computes on %i threads', (name, threads) => {
    expect(threadsFor(architecture(name), undefined, HOST)).toBe(threads);
    expect(threadsFor(architecture(name), undefined, { byDefault: 1, most: 64 })).toBe(1);
  });

  test.each([
    [1, 1],
    [40, 40],
    [65, 64],
    [4096, 64],
  ])('who asks for %i gets %i', (asked, threads) => {
    expect(threadsFor(architecture('tiny-vit'), asked, HOST)).toBe(threads);
    expect(threadsFor(architecture('tiny-vit'), asked, { byDefault: 1, most: 64 })).toBe(threads);
  });
});

test('without a host as many as asked for', () => {
  expect(threadsFor(architecture('tiny-vit'), 7)).toBe(7);
  expect(threadsFor(architecture('tiny-vit'))).toBe(undefined);
});

test('load starts no thread that has no core', async () => {
  const { model } = await load('tiny-vit', { threads: 64 });
  expect(model.threads).toBe(Math.min(64, usableCores()));
  await model.encodeImage(syntheticImage(0, 1, 32));
  expect(poolThreads().length).toBeLessThanOrEqual(usableCores());
  await model.close();
});

test.each([0, -1, 1.5, 64.5, NaN, '2'])('%j threads are refused before weights are opened', async (threads) => {
  const opened = load('no-such-file.pt', { threads: threads as number });
  await expect(opened).rejects.toThrow(`load: "threads" expected a positive integer, got ${threads}`);
});
