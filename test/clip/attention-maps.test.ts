// Attention maps: against PyTorch's trace by loops in float64, and bit for bit against the network's own attention:
// what the maps say, mixed and projected, is its output.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { attentionMaps, attentionRollout, load, type CLIP } from '../../src/index.ts';
import { openCheckpoint } from '../../src/clip/weights/open.ts';
import { reference } from '../../src/ops/reference.ts';
import { reshape, sizeOf, type Tensor } from '../../src/ops/tensor.ts';
import { readGolden, relRms } from '../support/golden.ts';

async function weightsOf(model: string): Promise<(name: string) => Tensor> {
  const checkpoint = await openCheckpoint('synthetic:0', { model });
  const read = new Map<string, Tensor>();
  for (const [name, { shape }] of checkpoint.tensors) {
    if (!name.startsWith('visual.')) continue;
    const data = new Float32Array(sizeOf(shape));
    await checkpoint.read(name, data);
    read.set(name, ndarray(data, [...shape]));
  }
  await checkpoint.close();
  return (name) => read.get(name)!;
}

const golden = readGolden('fixtures/tiny/tiny-vit.trace.safetensors');
const imageOf = (which: number): Tensor =>
  reference.contiguous(golden.tensor('input/image').lo(which, 0, 0, 0).hi(1, 3, 32, 32));
const rows = (x: Tensor, begin: number, count: number): Tensor =>
  ndarray(x.data, [count, ...x.shape.slice(1)], x.stride, x.offset + begin * x.stride[0]);
/** x (T,D), weight (O,D) -> (T,O), in float64, term after term. */
const project = (x: Tensor, weight: Tensor, bias: Tensor): Tensor => {
  const [T, D] = x.shape,
    O = weight.shape[0];
  const y = new Float64Array(T * O);
  for (let t = 0; t < T; t++)
    for (let o = 0; o < O; o++) {
      let sum = bias.get(o);
      for (let i = 0; i < D; i++) sum += x.get(t, i) * weight.get(o, i);
      y[t * O + o] = sum;
    }
  return ndarray(y, [T, O]);
};

describe('against PyTorch', () => {
  test.each([0, 1])(
    "image %i: loops over PyTorch's ln_1 give PyTorch's attention, and these probabilities",
    async (which) => {
      const weight = await weightsOf('tiny-vit');
      const { model } = await load('tiny-vit', { threads: 1 });
      const truth = await attentionMaps(model, imageOf(which), { precision: 'float64' });
      const maps = await attentionMaps(model, imageOf(which));
      expect(truth.shape).toEqual([2, 2, 17, 17]);
      expect(maps.shape).toEqual([2, 2, 17, 17]);
      expect([truth.data, maps.data].map((data) => data.constructor.name)).toEqual(['Float64Array', 'Float32Array']);
      for (let layer = 0; layer < 2; layer++) {
        const path = `visual.transformer.resblocks.${layer}`;
        const x = golden.tensor(`f64/${path}.ln_1`).pick(null, which, null);
        const [q, k, v] = [0, 1, 2].map((i) =>
          project(
            x,
            rows(weight(`${path}.attn.in_proj_weight`), 128 * i, 128),
            rows(weight(`${path}.attn.in_proj_bias`), 128 * i, 128),
          ),
        );
        const p = new Float64Array(2 * 17 * 17),
          mixed = ndarray(new Float64Array(17 * 128), [17, 128]);
        for (let a = 0; a < 2; a++)
          for (let t = 0; t < 17; t++) {
            const scores = Array.from(
              { length: 17 },
              (_, s) =>
                Array.from({ length: 64 }, (__, i) => q.get(t, 64 * a + i) * k.get(s, 64 * a + i)).reduce(
                  (sum, term) => sum + term,
                ) / 8,
            );
            const top = Math.max(...scores),
              weights = scores.map((score) => Math.exp(score - top)),
              total = weights.reduce((sum, e) => sum + e);
            weights.forEach((e, s) => {
              p[(a * 17 + t) * 17 + s] = e / total;
              for (let i = 64 * a; i < 64 * a + 64; i++) mixed.set(t, i, mixed.get(t, i) + (e / total) * v.get(s, i));
            });
          }
        const attn = project(mixed, weight(`${path}.attn.out_proj.weight`), weight(`${path}.attn.out_proj.bias`));
        // The loops are right,
        expect(relRms(attn, golden.tensor(`f64/${path}.attn`).pick(null, which, null))).toBeLessThan(1e-13);
        const judged = ndarray(p, [2, 17, 17]);
        expect(relRms(truth.pick(layer, null, null, null), judged)).toBeLessThan(1e-13); // and so are the maps.
        expect(relRms(maps.pick(layer, null, null, null), judged)).toBeLessThan(1e-6);
      }
      await model.close();
    },
  );
});

async function traced(model: CLIP, x: Tensor): Promise<Map<string, Tensor>> {
  const trace = new Map<string, Tensor>();
  await model.encodeImage(x, {
    tap: (name, output) => {
      trace.set(name, output);
    },
  });
  return trace;
}

/** y (T,D): each head's probabilities times its values. */
const mixedBy = (maps: Tensor, v: Tensor): Tensor => {
  const [heads, T] = maps.shape;
  return reference
    .concat(
      Array.from({ length: heads }, (_, a) =>
        reference.matmul(reference.contiguous(maps.pick(a, null, null)), v.lo(0, 64 * a).hi(v.shape[0], 64)),
      ),
      1,
    )
    .hi(T, 64 * heads);
};

describe.each(['simd', 'reference'] as const)('bits, with executor %s', (executor) => {
  test('tiny-vit: probabilities times values, projected, are the attention that the network computed', async () => {
    const weight = await weightsOf('tiny-vit');
    const { model } = await load('tiny-vit', { executor, threads: 1 });
    const trace = await traced(model, imageOf(0));
    const maps = await attentionMaps(model, imageOf(0));
    for (let layer = 0; layer < 2; layer++) {
      const path = `visual.transformer.resblocks.${layer}`;
      const x = trace.get(`${path}.ln_1`)!.pick(null, 0, null);
      const v = reference.linear(
        reference.contiguous(x),
        rows(weight(`${path}.attn.in_proj_weight`), 256, 128),
        rows(weight(`${path}.attn.in_proj_bias`), 256, 128),
      );
      const attn = reference.linear(
        mixedBy(maps.pick(layer, null, null, null), v),
        weight(`${path}.attn.out_proj.weight`),
        weight(`${path}.attn.out_proj.bias`),
      );
      expect(attn.data).toEqual(reference.contiguous(trace.get(`${path}.attn`)!.pick(null, 0, null)).data);
    }
    await model.close();
  });

  test("tiny-rn: the pool's one question, over the mean and all positions", async () => {
    const weight = await weightsOf('tiny-rn');
    const { model } = await load('tiny-rn', { executor, threads: 1 });
    const R = model.architecture.vision!.resolution;
    const x = reference.contiguous(
      readGolden('fixtures/tiny/tiny-rn.trace.safetensors').tensor('input/image').lo(0, 0, 0, 0).hi(1, 3, R, R),
    );
    const layer4 = (await traced(model, x)).get('visual.layer4')!;
    const [, C, H, W] = layer4.shape;
    const maps = await attentionMaps(model, x);
    expect(maps.shape).toEqual([1, C / 64, 1, H * W + 1]);
    const flat = reshape(layer4, [C, H * W]);
    const tokens = reference.add(
      reference.concat([reshape(reference.mean(flat), [1, C]), reference.contiguous(flat.transpose(1, 0))], 0),
      weight('visual.attnpool.positional_embedding'),
    );
    const v = reference.linear(tokens, weight('visual.attnpool.v_proj.weight'), weight('visual.attnpool.v_proj.bias'));
    const pooled = reference.linear(
      mixedBy(maps.pick(0, null, null, null), v),
      weight('visual.attnpool.c_proj.weight'),
      weight('visual.attnpool.c_proj.bias'),
    );
    expect(pooled.data).toEqual((await model.encodeImage(x)).data);
    await model.close();
  });
});

test('mini-vit: every row sums to one, nothing is negative, and both executors give the same bits', async () => {
  const { model, preprocess } = await load('mini-vit', { threads: 1 });
  const plain = await load('mini-vit', { executor: 'reference' });
  const x = await preprocess('fixtures/pictures/octopus.jpg');
  const before = await model.encodeImage(x);
  const maps = await attentionMaps(model, x);
  expect(maps.shape).toEqual([4, 2, 65, 65]);
  expect(maps.data).toEqual((await attentionMaps(plain.model, x)).data);
  for (let row = 0; row < 4 * 2 * 65; row++) {
    const p = maps.data.subarray(row * 65, row * 65 + 65);
    expect(Math.min(...p)).toBeGreaterThanOrEqual(0);
    expect(Math.abs(Array.from(p).reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-5);
  }
  // Maps leave no trace: the plan that was kept before them is the one that answers after them.
  expect((await model.encodeImage(x)).data).toEqual(before.data);
  expect(attentionRollout(maps).shape).toEqual([65, 65]);
  await model.close();
  await plain.model.close();
});

describe('rollout', () => {
  test('where all attention is uniform, 2^-n of a token stays in place after n blocks and the rest is spread evenly', () => {
    const maps = ndarray(new Float32Array(3 * 2 * 4 * 4).fill(0.25), [3, 2, 4, 4]);
    for (const layer of [0, 1, 2]) {
      const kept = [0.5, 0.25, 0.125][layer];
      expect(Array.from(attentionRollout(maps, layer).data)).toEqual(
        Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? kept : 0) + (1 - kept) / 4),
      );
    }
    expect(attentionRollout(maps).data).toEqual(attentionRollout(maps, 2).data);
  });

  test('is the sum over all paths of tokens from the first block to the last', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 54, maxLength: 54 }), (numbers) => {
        const maps = ndarray(Float64Array.from(numbers), [3, 2, 3, 3]);
        const step = (l: number, t: number, s: number): number =>
          (maps.get(l, 0, t, s) + maps.get(l, 1, t, s)) / 4 + (t === s ? 0.5 : 0);
        const rollout = attentionRollout(maps);
        for (let t = 0; t < 3; t++)
          for (let s = 0; s < 3; s++) {
            let paths = 0;
            for (let i = 0; i < 3; i++)
              for (let j = 0; j < 3; j++) paths += step(2, t, i) * step(1, i, j) * step(0, j, s);
            expect(rollout.get(t, s)).toBeCloseTo(paths, 12);
          }
      }),
      { numRuns: 50 },
    );
  });
});

describe('misuse is named', () => {
  test('more than one image', async () => {
    const { model } = await load('tiny-vit', { executor: 'reference' });
    await expect(attentionMaps(model, golden.tensor('input/image'))).rejects.toThrow(
      new RangeError('attentionMaps: "x" expected one image, (1, 3, R, R), got 2; call it once for each image'),
    );
    await expect(attentionMaps(model, ndarray(new Float32Array(3), [1, 3]))).rejects.toThrow(
      /encodeImage: "x" expected shape/,
    );
    await expect(attentionMaps(model, null as never)).rejects.toThrow(TypeError);
    await expect(attentionMaps(model, imageOf(0), { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    await model.close();
  });

  test.each([
    [[1, 2, 1, 5], undefined, /"maps" expected shape \(layers, heads, L, L\), got \(1, 2, 1, 5\); take a ViT's/],
    [[5, 5], undefined, /"maps" expected shape/],
    [[2, 1, 3, 3], 2, /"layer" expected an integer from 0 to 1, got 2/],
    [[2, 1, 3, 3], 0.5, /"layer" expected an integer/],
  ])('rollout of %j up to %s', (shape, layer, message) => {
    expect(() => attentionRollout(ndarray(new Float32Array(sizeOf(shape)), shape), layer)).toThrow(message);
  });
});
