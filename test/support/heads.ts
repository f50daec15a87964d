// Models of the architectures in fixtures/heads, and their comparison with PyTorch's features.

import { expect } from 'vitest';
import type { Architecture } from '../../src/clip/architecture.ts';
import { CLIP } from '../../src/clip/clip.ts';
import { parameterUses } from '../../src/clip/parameters.ts';
import { openSynthetic, syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { createExecutor } from '../../src/executors/create.ts';
import type { ExecutorOptions } from '../../src/executors/executor.ts';
import { expectSameBits } from './bits.ts';
import { readGolden, relRms } from './golden.ts';

const golden = readGolden('fixtures/heads/golden.safetensors');

export const ARCHITECTURES = JSON.parse(golden.metadata.architectures) as Record<string, Architecture>;

/** Ids of three texts. */
export const tokens = golden.integers('tokens');

/** One of them with `synthetic:0`. */
export function modelOf(name: string, options: ExecutorOptions): CLIP {
  const architecture = ARCHITECTURES[name];
  const checkpoint = openSynthetic('synthetic:0', { architecture });
  const executor = createExecutor(options);
  return new CLIP(
    { name, weights: 'synthetic:0', architecture, activations: { vision: 'gelu', text: 'gelu' } },
    executor,
    {
      weights: (tower) =>
        executor.readWeights(
          checkpoint,
          parameterUses(architecture, { vision: tower === 'vision', text: tower === 'text' }),
        ),
      close: () => checkpoint.close(),
    },
  );
}

/** float64 has PyTorch's features, float32 is near them, SIMD has the plain loops' bits. */
export async function expectFeatures(name: string, plain64: boolean): Promise<void> {
  const image = syntheticImage(0, 2, ARCHITECTURES[name].vision!.resolution);
  const plain = modelOf(name, { executor: 'reference' });
  const features = { image: await plain.encodeImage(image), text: await plain.encodeText(tokens) };
  expect(relRms(features.image, golden.tensor(`${name}/image`))).toBeLessThan(1e-6);
  expect(relRms(features.text, golden.tensor(`${name}/text`))).toBeLessThan(1e-6);
  for (const threads of [1, 2]) {
    const simd = modelOf(name, { executor: 'simd', threads });
    expectSameBits(await simd.encodeImage(image), features.image);
    expectSameBits(await simd.encodeText(tokens), features.text);
    if (threads === 1) {
      const truth = await simd.encodeImage(image, { precision: 'float64' });
      expect(relRms(truth, golden.tensor(`${name}/image`))).toBeLessThan(1e-13);
      const text = await simd.encodeText(tokens, { precision: 'float64' });
      expect(relRms(text, golden.tensor(`${name}/text`))).toBeLessThan(1e-13);
      if (plain64) {
        expectSameBits(truth, await plain.encodeImage(image, { precision: 'float64' }));
        expectSameBits(text, await plain.encodeText(tokens, { precision: 'float64' }));
      }
    }
    await simd.close();
  }
  await plain.close();
}
