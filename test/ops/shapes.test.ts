// The operations that only move numbers: contiguous, concat, embedding, scale, and the helpers of tensor.ts.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import {
  concat,
  contiguous,
  embedding,
  isContiguous,
  reference,
  reshape,
  scale,
  sizeOf,
  zeros,
} from '../../src/ops/index.ts';
import * as ops from '../../src/ops/index.ts';
import type { Tensor } from '../../src/ops/index.ts';
import { laidOut, layout, seed, tensorOf, unitTensor } from '../support/arbitraries.ts';
import { elements, expectSameBits } from '../support/bits.ts';

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

describe('contiguous', () => {
  test('gives the elements of any view in row-major order', () => {
    fc.assert(
      fc.property(shape, seed, layout, fc.boolean(), (s, start, lie, double) => {
        const x = unitTensor(s, start, double ? Float64Array : Float32Array);
        const y = contiguous(laidOut(x, lie));
        expectSameBits(y, x);
        expect(isContiguous(y)).toBe(true);
      }),
    );
  });
  test('is x itself where nothing is to be moved', () => {
    const x = unitTensor([2, 3], 1);
    expect(contiguous(x)).toBe(x);
    const part = unitTensor([4, 3], 1).lo(1, 0).hi(2, 3) as Tensor;
    expect(contiguous(part)).toBe(part);
    expect(contiguous(x.transpose(1, 0) as Tensor)).not.toBe(x);
  });
});

describe('concat', () => {
  test('joins along any axis: the parts come back by slicing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
        seed,
        layout,
        (axis, extents, s, lie) => {
          const parts = extents.map((extent, i) =>
            unitTensor(
              [2, 3, 2].map((e, a) => (a === axis ? extent : e)),
              s + i,
            ),
          );
          const y = concat(
            parts.map((part) => laidOut(part, lie)),
            axis,
          );
          expect(y.shape[axis]).toBe(extents.reduce((a, b) => a + b, 0));
          let start = 0;
          for (const part of parts) {
            const low = [0, 0, 0];
            low[axis] = start;
            expectSameBits(y.lo(...low).hi(...part.shape) as Tensor, part);
            start += part.shape[axis];
          }
        },
      ),
    );
  });
  test('takes the element type of the first', () => {
    expectSameBits(
      concat([tensorOf([1], [1], Float64Array), tensorOf([0.5])], 0),
      tensorOf([1, 0.5], [2], Float64Array),
    );
  });
});

describe('embedding', () => {
  const table = tensorOf([0, 1, 10, 11, 20, 21], [3, 2]);
  test('gives the rows of the table', () => {
    expectSameBits(
      embedding(ndarray(new Int32Array([2, 0, 1, 1]), [2, 2]), table),
      tensorOf([20, 21, 0, 1, 10, 11, 10, 11], [2, 2, 2]),
    );
  });
  test('reads views of ids and of the table', () => {
    const ids = ndarray(new Int32Array([2, 0, 1, 1]), [2, 2]).transpose(1, 0);
    expectSameBits(
      embedding(ids, laidOut(table, { orders: [1, 0, 2, 3], steps: [-2, 3, 1, 1], offset: 3 })),
      tensorOf([20, 21, 10, 11, 0, 1, 10, 11], [2, 2, 2]),
    );
  });
  test('of no ids is empty', () => {
    expectSameBits(embedding(ndarray(new Int32Array(0), [0]), table), tensorOf([], [0, 2]));
  });
});

describe('scale', () => {
  test('multiplies with one rounding, views alike', () => {
    fc.assert(
      fc.property(seed, layout, fc.float({ noDefaultInfinity: true, noNaN: true }), (s, lie, factor) => {
        const x = unitTensor([2, 3, 2], s);
        expectSameBits(
          scale(laidOut(x, lie), factor),
          tensorOf(
            Array.from(elements(x), (v) => Math.fround(v * factor)),
            [2, 3, 2],
          ),
        );
      }),
    );
    expectSameBits(scale(tensorOf([1, 3], [2], Float64Array), 0.1), tensorOf([0.1, 3 * 0.1], [2], Float64Array));
    expectSameBits(scale(tensorOf([1, 0]), NaN), tensorOf([NaN, NaN]));
  });
});

describe('tensor.ts', () => {
  test('zeros, sizeOf', () => {
    expectSameBits(zeros([2, 2], new Float64Array(0)), tensorOf([0, 0, 0, 0], [2, 2], Float64Array));
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0])]).toEqual([1, 6, 0]);
  });
  test('reshape is a view', () => {
    const x = unitTensor([2, 3], 1);
    const y = reshape(x, [3, 2]);
    expect(y.data).toBe(x.data);
    expectSameBits(y, tensorOf(elements(x), [3, 2]));
    const part = unitTensor([4, 3], 1).lo(1, 0).hi(2, 3) as Tensor;
    expectSameBits(reshape(part, [6]), tensorOf(elements(part)));
  });
});

test('reference holds exactly the operations of the interface, each under its own name', () => {
  for (const [name, operation] of Object.entries(reference))
    expect(operation).toBe((ops as Record<string, unknown>)[name]);
  expect(Object.keys(reference).sort()).toEqual([
    'add',
    'attention',
    'avgPool2d',
    'batchNorm2d',
    'concat',
    'contiguous',
    'conv2d',
    'embedding',
    'gelu',
    'l2Normalize',
    'layerNorm',
    'linear',
    'matmul',
    'mean',
    'quantize',
    'quickGelu',
    'relu',
    'round',
    'scale',
    'sigmoid',
    'softmax',
  ]);
});
