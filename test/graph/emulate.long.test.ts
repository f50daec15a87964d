// Emulation on whole models: the SIMD executor gives the plain loops' bits in every traced tensor, and every tensor
// holds numbers of the format only.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { CLIP } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import { emulating, EXACT, type Emulation } from '../../src/graph/emulate.ts';
import { linear, reference } from '../../src/ops/index.ts';
import { quantize } from '../../src/ops/quantize.ts';
import { round } from '../../src/ops/round.ts';
import { tensorOf, unitTensor } from '../support/arbitraries.ts';
import { elements, firstDifference, type Floats } from '../support/bits.ts';
import { rebuild } from '../support/skeletons.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-emulate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const EMULATIONS: Record<string, Emulation> = {
  float16: { ...EXACT, storage: 'float16', attention: 'stored' },
  'float16, attention fused, partial sums of 32': {
    ...EXACT,
    storage: 'float16',
    summation: { chunk: 32, total: null },
  },
  'float16 in the running totals of 16': {
    ...EXACT,
    storage: 'float16',
    attention: 'stored',
    summation: { chunk: 16, total: 'float16' },
  },
  bfloat16: { ...EXACT, storage: 'bfloat16', attention: 'stored' },
  tf32: { ...EXACT, operands: 'tf32', attention: 'stored' },
  'tf32, cut off': { ...EXACT, operands: 'tf32-truncated', attention: 'stored' },
  'int8 weights, partial sums of 64': { ...EXACT, weights: 'int8', summation: { chunk: 64, total: null } },
};

type Trace = Map<string, Floats>;

async function trace(model: CLIP, emulate: Emulation, n: number): Promise<Trace> {
  const found: Trace = new Map();
  const image = syntheticImage(n, n, model.architecture.vision!.resolution);
  await model.encodeImage(image, {
    emulate,
    tap: (name, output) => {
      found.set(name, elements(output));
    },
  });
  return found;
}

describe.each(['tiny-rn', 'tiny-vit'])('%s', (name) => {
  let plain: CLIP;
  let simd: CLIP;
  beforeAll(async () => {
    plain = (await load(name, { executor: 'reference' })).model;
    simd = (await load(name, { executor: 'simd', threads: 1 })).model;
  });
  afterAll(() => Promise.all([plain.close(), simd.close()]));

  test.each(Object.entries(EMULATIONS))('%s', async (_, emulate) => {
    const expected = await trace(plain, emulate, 2);
    const actual = await trace(simd, emulate, 2);
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [module, values] of expected) expect(firstDifference(actual.get(module)!, values), module).toBeNull();
    const image = syntheticImage(2, 2, simd.architecture.vision!.resolution);
    expect(
      firstDifference((await simd.encodeImage(image, { emulate })).data, expected.get('visual')!),
      'without a tap',
    ).toBeNull();
    const { storage } = emulate;
    if (storage === null) return;
    for (const [module, values] of expected)
      expect(firstDifference(round(tensorOf(values), storage).data, values), `${module} is in ${storage}`).toBeNull();
  });

  test("an emulation that changes nothing gives the contract's bits, and the next call without one, too", async () => {
    const image = syntheticImage(4, 1, simd.architecture.vision!.resolution);
    const features = await plain.encodeImage(image);
    const half = await simd.encodeImage(image, { emulate: EMULATIONS.float16 });
    expect(firstDifference((await simd.encodeImage(image, { emulate: EXACT })).data, features.data)).toBeNull();
    expect(firstDifference((await simd.encodeImage(image)).data, features.data)).toBeNull();
    expect(firstDifference(half.data, features.data)).not.toBeNull();
  });

  test('three threads give the bits of one', async () => {
    const { model } = await load(name, { executor: 'simd', threads: 3 });
    for (const emulate of [
      EMULATIONS['float16 in the running totals of 16'],
      EMULATIONS.tf32,
      EMULATIONS['int8 weights, partial sums of 64'],
    ]) {
      const [expected, actual] = await Promise.all([simd, model].map((one) => trace(one, emulate, 2)));
      for (const [module, values] of expected) expect(firstDifference(actual.get(module)!, values), module).toBeNull();
    }
    await model.close();
  });

  test('half precision in memory is widened on the way into a rounding', async () => {
    const path = join(folder, `${name}.pt`);
    writeFileSync(path, rebuild(`${name}.jit.pt`)); // matrices in float16
    const [single, half] = await Promise.all(
      ['single', 'half'].map(
        async (residency) => (await load(path, { executor: 'simd', threads: 1, residency: residency as 'half' })).model,
      ),
    );
    for (const key of ['float16', 'bfloat16', 'int8 weights, partial sums of 64']) {
      const [expected, actual] = await Promise.all([single, half].map((one) => trace(one, EMULATIONS[key], 1)));
      for (const [module, values] of expected)
        expect(firstDifference(actual.get(module)!, values), `${key}: ${module}`).toBeNull();
    }
    await Promise.all([single.close(), half.close()]);
  });

  test('is refused in float64', async () => {
    const image = syntheticImage(4, 1, simd.architecture.vision!.resolution);
    for (const model of [plain, simd]) {
      await expect(model.encodeImage(image, { emulate: EXACT, precision: 'float64' })).rejects.toThrow(
        'encodeImage: "emulate" expected precision float32, got float64',
      );
    }
  });
});

describe('quantize', () => {
  const weight = unitTensor([5, 37], 3);

  test('each weight is within half a step of its own, and there are at most 255 of them', () => {
    const q = quantize(weight);
    for (let o = 0; o < 5; o++) {
      const row = Array.from({ length: 37 }, (_, k) => weight.get(o, k));
      const step = Math.max(...row.map(Math.abs)) / 127;
      const integers = row.map((w, k) => {
        const n = q.get(o, k) / step;
        expect(Math.abs(n - Math.round(n))).toBeLessThan(1e-4);
        expect(Math.abs(q.get(o, k) - w)).toBeLessThanOrEqual(step * 0.5001);
        return Math.round(n);
      });
      expect(Math.max(...integers.map(Math.abs))).toBe(127);
    }
  });

  test('outputs may be the last axis', () => {
    const expected = quantize(weight).transpose(1, 0);
    expect(firstDifference(quantize(weight.transpose(1, 0), 'last').data, elements(expected))).toBeNull();
  });

  test('zeros stay zeros; other kinds are refused', () => {
    expect([...quantize(tensorOf([0, -0, 0, 1], [2, 2])).data]).toEqual([0, 0, 0, 1]);
    expect(() => quantize(tensorOf([1], [1], Float64Array))).toThrow(
      'quantize: "weight" expected float32 elements, got float64',
    );
    expect(() => quantize(weight, 'middle' as never)).toThrow(
      "quantize: \"outputs\" expected 'first' or 'last', got middle",
    );
  });
});

describe('summation', () => {
  // 1 + 2^-12 + 2^-12 + …: a half's total stays at 1, since each summand is less than half a unit.
  const ones = tensorOf(
    Float32Array.from({ length: 65 }, (_, k) => (k === 0 ? 1 : 2 ** -12)),
    [1, 65],
  );
  const weight = tensorOf(new Float32Array(65).fill(1), [1, 65]);

  test('a running total in float16 loses what is less than half a unit; one in float32 does not', () => {
    expect(linear(ones, weight, null, { chunk: 1, total: 'float16' }).data[0]).toBe(1);
    expect(linear(ones, weight, null, { chunk: 1, total: null }).data[0]).toBe(1 + 2 ** -6);
    // In chunks of 64 the first sum is exact before it is rounded to 1 + 2^-6 - 2^-12 -> 1 + 2^-6 (a tie, to even); the
    // last summand is lost.
    expect(linear(ones, weight, null, { chunk: 64, total: 'float16' }).data[0]).toBe(1 + 2 ** -6);
  });

  test("a chunk must divide the contract's 128", () => {
    expect(() => emulating(reference, { ...EXACT, summation: { chunk: 48, total: null } })).toThrow(
      'emulate: "summation.chunk" expected a divisor of 128, got 48',
    );
  });
});
