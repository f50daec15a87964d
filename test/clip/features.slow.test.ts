// Full-size models with synthetic weights against PyTorch's float64 features; RN50 and ViT-B/32 also bit for bit
// against the C program (the small models are in test/executors/contract-bits.test.ts).
// RN50 and ViT-B/32 by `npm run test:slow`; all nine by `CLIP_ORACLE_ALL=1 npm run test:slow` (RN50x64 alone takes
// minutes).

import { describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { load } from '../../src/clip/load.ts';
import { MODELS } from '../../src/clip/models.ts';
import { ModifiedResNet, VisionTransformer } from '../../src/layers/index.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';
import { flat, maxAbs, readGolden, relRms } from '../support/golden.ts';
import { syntheticWeights } from '../support/weights.ts';

const bits = readGolden('fixtures/features/contract-bits-0.safetensors');
const models =
  process.env.CLIP_ORACLE_ALL === '1'
    ? MODELS.filter((model) => model.file !== null).map((model) => model.name)
    : ['RN50', 'ViT-B/32'];

describe.each(models)('%s with synthetic:0', (name) => {
  const golden = readGolden(`fixtures/features/${name.replace('/', '-')}.safetensors`);
  const truth = golden.tensor('f64/image_features');

  test.runIf(bits.names.includes(name))('float32 features equal those of the C program bit for bit', async () => {
    const weights = await syntheticWeights(name);
    const { vision } = MODELS.find((model) => model.name === name)!;
    const Encoder = vision.kind === 'ModifiedResNet' ? ModifiedResNet : VisionTransformer;
    expectSameBits(new Encoder(weights, 'visual').forward(syntheticImage(0, 1, vision.resolution)), bits.tensor(name));
  });

  test.each(['float32', 'float64'] as const)(
    "in %s, the SIMD path on 1, 2 and 3 threads has the plain path's bits",
    async (precision) => {
      const image = syntheticImage(1, 1, MODELS.find((model) => model.name === name)!.vision.resolution);
      const features = async (executor: 'reference' | 'simd', threads: number): Promise<Tensor> => {
        const { model } = await load(name, { weights: 'synthetic:1', executor, threads, precision });
        const result = await model.encodeImage(image);
        await model.close();
        return result;
      };
      const plain = await features('reference', 1);
      for (const threads of [1, 2, 3]) expectSameBits(await features('simd', threads), plain);
    },
  );

  test("float32 features are within 4 times PyTorch's own error of the truth", async () => {
    const { model } = await load(name, { weights: 'synthetic:0' });
    const features = await model.encodeImage(syntheticImage(0, 1, model.architecture.vision!.resolution));
    await model.close();
    expect(relRms(features, truth)).toBeLessThanOrEqual(4 * relRms(golden.tensor('f32/image_features'), truth));
  });

  test("float64 features and samples of the layers are PyTorch's", async () => {
    const { model } = await load(name, { weights: 'synthetic:0', precision: 'float64' });
    const probes = golden.names
      .filter((key) => key.startsWith('f64-probe/'))
      .map((key) => key.slice('f64-probe/'.length));
    const seen: string[] = [];
    const features = await model.encodeImage(syntheticImage(0, 1, model.architecture.vision!.resolution), {
      tap: (module, output) => {
        if (!probes.includes(module)) return;
        seen.push(module);
        const values = flat(output);
        const expected = golden.tensor(`f64-probe/${module}`);
        const step = Math.max(1, Math.floor(values.length / 64));
        const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        for (let i = 0; i < expected.shape[0]; i++)
          expect(Math.abs(values[i * step] - expected.get(i)) / scale, `${module}[${i * step}]`).toBeLessThanOrEqual(
            1e-12,
          );
      },
    });
    await model.close();
    expect(seen.sort()).toEqual([...probes].sort());
    expect(relRms(features, truth)).toBeLessThanOrEqual(1e-12);
    expect(maxAbs(features, truth)).toBeLessThanOrEqual(1e-10);
  });
});
