// Every module of both tiny models, output by output, against OpenAI's PyTorch code (fixtures/tiny).

import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import type { Operations } from '../../src/ops/operations.ts';
import { reference64 } from '../../src/ops/reference64.ts';
import { ModifiedResNet, VisionTransformer, type Weights } from '../../src/layers/index.ts';
import { toFloat64 } from '../../src/ops/contiguous.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { flat, maxAbs, readGolden, relRms } from '../support/golden.ts';
import { syntheticWeights } from '../support/weights.ts';

const TRUTH = 1e-13; // relRMS of a module's output in float64 mode
const FLOAT32 = 4; // times PyTorch's own float32 error

describe.each(['tiny-rn', 'tiny-vit'])('%s', (name) => {
  const golden = readGolden(`fixtures/tiny/${name}.trace.safetensors`);
  const modules = golden.names.filter((key) => key.startsWith('f64/visual')).map((key) => key.slice(4));
  const image = golden.tensor('input/image');
  const tokens = golden.integers('input/tokens');
  const models = Promise.all([load(name, { precision: 'float64', threads: 1 }), load(name, { threads: 1 })]);
  afterAll(async () => {
    for (const { model } of await models) await model.close();
  });

  test('in float64, every module gives what PyTorch gives', async () => {
    const [{ model }] = await models;
    const seen = new Map<string, number>();
    await model.encodeImage(image, {
      tap: (module, output) => {
        const truth = golden.tensor(`f64/${module}`);
        expect(output.shape, module).toEqual(truth.shape);
        expect(output.data, module).toBeInstanceOf(Float64Array);
        seen.set(module, relRms(output, truth));
      },
    });
    expect([...seen.keys()].sort()).toEqual([...modules].sort());
    for (const [module, error] of seen) expect(error, module).toBeLessThanOrEqual(TRUTH);
  });

  test("in float64, text features and logits are PyTorch's", async () => {
    const [{ model }] = await models;
    expect(relRms(await model.encodeText(tokens), golden.tensor('f64/text_features'))).toBeLessThanOrEqual(TRUTH);
    const { logitsPerImage, logitsPerText } = await model.forward(image, tokens);
    expect(maxAbs(logitsPerImage, golden.tensor('f64/logits_per_image'))).toBeLessThanOrEqual(1e-11);
    expect(flat(logitsPerText)).toEqual(flat(logitsPerImage.transpose(1, 0)));
  });

  test('a tap changes no bit of the features', async () => {
    for (const { model } of await models) {
      const free = await model.encodeImage(image);
      const traced = await model.encodeImage(image, { tap: () => undefined });
      expect(flat(traced)).toEqual(flat(free));
      const freeText = await model.encodeText(tokens);
      const tracedText = await model.encodeText(tokens, { tap: () => undefined });
      expect(flat(tracedText)).toEqual(flat(freeText));
    }
  });

  test("in float32, features are within 4 times PyTorch's own float32 error", async () => {
    const [, { model }] = await models;
    for (const [ours, key] of [
      [await model.encodeImage(image), 'visual'],
      [await model.encodeText(tokens), 'text_features'],
    ] as const) {
      const truth = golden.tensor(`f64/${key}`);
      expect(ours.data).toBeInstanceOf(Float32Array);
      expect(relRms(ours, truth)).toBeLessThanOrEqual(FLOAT32 * relRms(golden.tensor(`f32/${key}`), truth));
    }
  });

  test('a batch of two equals two single calls, bit for bit', async () => {
    for (const { model } of await models) {
      const both = await model.encodeImage(image);
      const singles = [0, 1].map(async (n) => flat(await model.encodeImage(image.lo(n).hi(1))));
      expect(flat(both)).toEqual((await Promise.all(singles)).flat());
    }
  });
});

describe('the checks above catch planted faults', () => {
  const wrong: Record<string, (ops: Operations) => Partial<Operations>> = {
    'batch norm with eps 1e-3': (ops) => ({ batchNorm2d: (x, p) => ops.batchNorm2d(x, p, 1e-3) }),
    'layer norm with eps 1e-6': (ops) => ({ layerNorm: (x, w, b) => ops.layerNorm(x, w, b, 1e-6) }),
    'no activation': () => ({ relu: (x) => x, quickGelu: (x) => x }),
    'GELU for QuickGELU and ReLU': (ops) => ({ quickGelu: (x) => ops.gelu(x), relu: (x) => ops.gelu(x) }),
    'one head': (ops) => ({ attention: (q, k, v, options) => ops.attention(q, k, v, { ...options, heads: 1 }) }),
    'q and k swapped': (ops) => ({
      attention: (q, k, v, options) => ops.attention(k.hi(q.shape[0], q.shape[1], q.shape[2]), k, v, options),
    }),
  };
  const applies = (fault: string, name: string): boolean =>
    !(fault.startsWith('batch') && name === 'tiny-vit') && !(fault.startsWith('layer norm') && name === 'tiny-rn');

  for (const name of ['tiny-rn', 'tiny-vit']) {
    const golden = readGolden(`fixtures/tiny/${name}.trace.safetensors`);
    for (const fault of Object.keys(wrong).filter((key) => applies(key, name))) {
      test(`${name}: ${fault}`, async () => {
        const weights: Weights = await syntheticWeights(name);
        const ops = { ...reference64, ...wrong[fault](reference64) };
        const encoder =
          name === 'tiny-vit'
            ? new VisionTransformer(weights, 'visual', { ops })
            : new ModifiedResNet(weights, 'visual', { ops });
        const output: Tensor = encoder.forward(toFloat64(golden.tensor('input/image')));
        expect(relRms(output, golden.tensor('f64/visual'))).toBeGreaterThan(TRUTH);
      });
    }
  }
});
