// The bundled models on every number of threads, in batches of several sizes: the plain loops' bits.

import { describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { expectSameBits } from '../support/bits.ts';

describe.each(['tiny-rn', 'tiny-vit', 'mini-rn', 'mini-vit'])('%s', (name) => {
  test('features of batches of 1, 2 and 5 on 1, 2, 3 and 7 threads', async () => {
    const weights = name.startsWith('tiny') ? 'synthetic:3' : undefined;
    const { model: plain } = await load(name, { weights, executor: 'reference' });
    const images = [1, 2, 5].map((n) => syntheticImage(n, n, plain.architecture.vision!.resolution));
    const expected = [];
    for (const image of images) expected.push(await plain.encodeImage(image));
    for (const threads of [1, 2, 3, 7]) {
      const { model } = await load(name, { weights, executor: 'simd', threads });
      expect(model.executor).toBe('simd');
      for (const i of [0, 1, 2, 1]) expectSameBits(await model.encodeImage(images[i]), expected[i]);
      await model.close();
    }
    await plain.close();
  });
});
