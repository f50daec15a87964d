// Layouts of other programs, against index arithmetic of the test's own.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arranged, layoutsFor, nearestLayout } from '../../src/oracle/layout.ts';
import type { Values } from '../../src/formats/values.ts';
import { permuted } from './support/golden-trace.ts';

const labels = (name: string, shape: number[], stored: number[]): string[] =>
  layoutsFor(name, shape, stored).map(({ label }) => label);

/** Numbers that say where they lie: each element its own. */
function counted(shape: readonly number[]): Values {
  return { shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i) };
}

const C = 'visual.layer1.0.conv1';
const T = 'visual.transformer.resblocks.0';

describe('what a shape can be', () => {
  test.each<[string, string, number[], number[], string[]]>([
    ["PyTorch's", C, [2, 8, 4, 4], [2, 8, 4, 4], ['NCHW']],
    ['channels last', C, [2, 8, 4, 4], [2, 4, 4, 8], ['NHWC']],
    ['both, where all are equal', C, [2, 4, 4, 4], [2, 4, 4, 4], ['NCHW', 'NHWC']],
    ['no batch axis', C, [1, 8, 4, 4], [8, 4, 4], ['NCHW']],
    ['no batch axis, channels last', C, [1, 8, 4, 4], [4, 4, 8], ['NHWC']],
    ['positions as one axis', C, [2, 8, 4, 4], [2, 8, 16], ['NCHW']],
    ['positions as one axis, channels last', C, [2, 8, 4, 4], [2, 16, 8], ['NHWC']],
    ['another axis of 1', C, [1, 8, 4, 4], [1, 1, 8, 4, 4], ['NCHW']],
    ['tokens first', T, [17, 2, 64], [17, 2, 64], ['TND']],
    ['batch first', T, [17, 2, 64], [2, 17, 64], ['NTD']],
    ['width before tokens', T, [17, 2, 64], [2, 64, 1, 17], ['NDT']],
    ['one image: the same numbers in both orders', T, [17, 1, 64], [1, 17, 64], ['TND']],
    ['as many images as tokens', T, [17, 17, 64], [17, 17, 64], ['TND', 'NTD']],
    ['before the transformer', 'visual.ln_pre', [2, 17, 64], [2, 17, 64], ['NTD']],
    ['before the transformer, tokens first', 'visual.ln_pre', [2, 17, 64], [17, 2, 64], ['TND']],
    ['features', 'visual', [2, 32], [2, 32, 1, 1], ['NE']],
    ['features of one image', 'visual', [1, 32], [32], ['NE']],
    ['another extent', C, [2, 8, 4, 4], [2, 8, 4, 5], []],
    ['as many elements, another shape', C, [2, 8, 4, 4], [2, 4, 8, 4], []],
    ['features transposed', 'visual', [2, 32], [32, 2], []],
  ])('%s', (_, name, shape, there, expected) => {
    expect(labels(name, shape, there)).toEqual(expected);
  });
});

const extent = fc.integer({ min: 1, max: 5 });

test('every layout brings the elements back to where PyTorch has them', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(fc.constant(C), fc.tuple(extent, extent, extent, extent)),
        fc.tuple(fc.constantFrom(T, 'visual.ln_pre'), fc.tuple(extent, extent, extent)),
      ),
      ([name, shape]) => {
        const here = counted(shape);
        for (const order of shape.length === 4
          ? [
              [0, 1, 2, 3],
              [0, 2, 3, 1],
            ]
          : [[0, 1, 2], [1, 0, 2], name === T ? [1, 2, 0] : [0, 2, 1]]) {
          const there = permuted(here, order);
          const chosen = nearestLayout(there, here, layoutsFor(name, shape, there.shape));
          expect([...arranged(there, shape, chosen).data]).toEqual([...here.data]);
        }
      },
    ),
  );
});

test('of several layouts the nearest is taken, whatever noise there is', () => {
  const here = counted([3, 4, 4, 4]);
  const noisy = (values: Values): Values => ({
    shape: values.shape,
    data: values.data.map((x, i) => x * (1 + 0.1 * Math.sin(i))) as Float32Array,
  });
  expect(
    nearestLayout(noisy(permuted(here, [0, 2, 3, 1])), here, layoutsFor(C, [3, 4, 4, 4], [3, 4, 4, 4])).label,
  ).toBe('NHWC');
  expect(nearestLayout(noisy(here), here, layoutsFor(C, [3, 4, 4, 4], [3, 4, 4, 4])).label).toBe('NCHW');
});
