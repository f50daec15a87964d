// copy, add, embedding: the SIMD twins move and add the same elements as the plain functions.

import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { add, concat, contiguous, embedding } from '../../src/ops/index.ts';
import type { CopyStep } from '../../src/ops/copy.simd.ts';
import type { Tensor } from '../../src/ops/index.ts';
import {
  anyFloat32,
  laidOut,
  layout,
  rawNumbers,
  seed,
  tensorOf,
  unitNumbers,
  unitTensor,
} from '../support/arbitraries.ts';
import type { Bench } from '../support/simd.ts';
import { BENCHES, PARTS } from '../support/simd.ts';

const values = (x: Tensor): Float32Array => x.data as Float32Array;
const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, i) => 4 * shape.slice(i + 1).reduce((a, b) => a * b, 1));

/** A copy of x into row-major order, all of whose words are expected. */
function checkCopy(
  bench: Bench,
  x: Tensor,
  after: number,
  parts: number,
  change: (step: CopyStep) => CopyStep = (s) => s,
): void {
  const from = bench.place(values(x), after);
  const y = bench.room(x.size, (after + 1) % 4);
  const step = change({
    kind: 'copy',
    x: from + 4 * x.offset,
    y,
    shape: [...x.shape],
    xStride: x.stride.map((s) => 4 * s),
    yStride: rowMajor(x.shape),
  });
  const expected = contiguous(x);
  bench.expect(
    () => {
      bench.run(step, parts);
    },
    { address: y, rows: 1, width: x.size },
    values(expected).subarray(expected.offset, expected.offset + x.size),
  );
}

describe.each(BENCHES)('%s', (_, benchOf) => {
  test('copy from any layout of up to 4 axes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
        layout,
        seed,
        fc.nat(3),
        fc.constantFrom(...PARTS),
        (shape, lies, start, after, parts) => {
          checkCopy(benchOf(), laidOut(unitTensor(shape, start), lies), after, parts);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('transpositions of every size around the blocks of 4', () => {
    for (let rows = 1; rows <= 21; rows++) {
      for (const columns of [1, 3, 4, 5, 8, 11, 16, 70])
        checkCopy(benchOf(), unitTensor([columns, rows], rows).transpose(1, 0) as Tensor, rows % 4, PARTS[rows % 4]);
    }
    for (const axes of [
      [0, 2, 1],
      [1, 0, 2],
      [2, 0, 1],
      [1, 2, 0],
      [2, 1, 0],
    ]) {
      for (const shape of [
        [3, 5, 7],
        [9, 8, 12],
        [1, 17, 66],
        [33, 2, 6],
      ])
        checkCopy(
          benchOf(),
          unitTensor(shape, 5).transpose(...(axes as [number, number, number])) as Tensor,
          axes[0],
          1 + axes[1],
        );
    }
  });

  test('rows of every length up to 70 with gaps on both sides', () => {
    for (let width = 1; width <= 70; width++) {
      const bench = benchOf();
      const rows = 1 + (width % 6);
      const x = unitTensor([rows, width], width);
      const [xStride, yStride] = [4 * (width + (width % 3)), 4 * (width + 2)];
      const from = bench.placeRows(values(x), width, xStride, width % 4);
      const y = bench.room(rows * yStride, (width + 1) % 4);
      bench.expect(
        () => {
          bench.run(
            { kind: 'copy', x: from, y, shape: [rows, width], xStride: [xStride, 4], yStride: [yStride, 4] },
            PARTS[width % 4],
          );
        },
        { address: y, rows, width, stride: yStride },
        values(x),
      );
    }
  });

  test('five axes, a stride of 0, all bits of NaN kept', () => {
    const bench = benchOf();
    const words = Uint32Array.from({ length: 60 }, (_, i) => 0x7f800000 + 3 * i + 1); // NaNs with payloads
    const from = bench.place(new Float32Array(words.buffer));
    const y = bench.room(240);
    const shape = [2, 4, 3, 5, 2];
    bench.run(
      {
        kind: 'copy',
        x: from,
        y,
        shape,
        xStride: [24, 0, 80, 16, 4].map((s) => (s === 24 ? 8 : s)),
        yStride: rowMajor(shape),
      },
      3,
    );
    const got = new Uint32Array(bench.machine.memory.buffer, y, 240);
    let i = 0;
    for (let a = 0; a < 2; a++)
      for (let b = 0; b < 4; b++)
        for (let c = 0; c < 3; c++)
          for (let d = 0; d < 5; d++)
            for (let e = 0; e < 2; e++) expect(got[i++]).toBe(words[2 * a + 20 * c + 4 * d + e]);
  });

  test('copies make concat', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom(...PARTS),
        (extents, outer, inner, parts) => {
          const bench = benchOf();
          const tensors = extents.map((extent, i) => unitTensor([outer, extent, inner], i + 1));
          const expected = concat(tensors, 1);
          const y = bench.room(expected.size);
          const yStride = rowMajor(expected.shape);
          const steps: CopyStep[] = [];
          let before = 0;
          for (const x of tensors) {
            steps.push({
              kind: 'copy',
              x: bench.place(values(x)),
              y: y + before * yStride[1],
              shape: x.shape,
              xStride: rowMajor(x.shape),
              yStride,
            });
            before += x.shape[1];
          }
          bench.expect(
            () => {
              for (const step of steps) bench.run(step, parts);
            },
            { address: y, rows: 1, width: expected.size },
            values(expected),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test('add of equal shapes and of a repeated row', () => {
    for (let width = 0; width <= 70; width++) {
      const bench = benchOf();
      const rows = width % 3 === 0 ? 1 : 1 + (width % 7);
      const next = width % 2 === 0 ? rawNumbers(width + 1, true) : unitNumbers(width + 1);
      const a = Float32Array.from({ length: rows * width }, () => next());
      const b = Float32Array.from({ length: width }, () => next());
      const expected = values(add(tensorOf(a, [rows, width]), tensorOf(b)));
      const [atA, atB, y] = [
        bench.place(a, width % 4),
        bench.place(b, (width + 1) % 4),
        bench.room(a.length, (width + 2) % 4),
      ];
      const parts = PARTS[width % 4];
      bench.expect(
        () => {
          bench.run({ kind: 'add', a: atA, b: atB, y, rows, width }, parts);
        },
        { address: y, rows: 1, width: a.length },
        expected,
      );
      bench.expect(
        () => {
          bench.run({ kind: 'add', a: atA, b: atB, y: atA, rows, width }, parts);
        },
        { address: atA, rows: 1, width: a.length },
        expected,
      );
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyFloat32, anyFloat32), { maxLength: 700, minLength: 500 }),
        fc.constantFrom(...PARTS),
        (pairs, parts) => {
          const bench = benchOf();
          const [a, b] = [0, 1].map((i) => Float32Array.from(pairs, (pair) => pair[i]));
          const [atA, atB, y] = [bench.place(a, 1), bench.place(b), bench.room(a.length)];
          bench.expect(
            () => {
              bench.run({ kind: 'add', a: atA, b: atB, y, rows: 1, width: a.length }, parts);
            },
            { address: y, rows: 1, width: a.length },
            values(add(tensorOf(a), tensorOf(b))),
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  test('embedding of rows of every width up to 40', () => {
    for (let width = 1; width <= 40; width++) {
      const bench = benchOf();
      const [V, rows] = [11, width % 9];
      const table = unitTensor([V, width], width);
      const ids = Int32Array.from({ length: rows }, (_, i) => (7 * i + width) % V);
      const expected = embedding(ndarray(ids, [rows]), table);
      const [atIds, atTable, y] = [
        bench.place(ids, width % 4),
        bench.place(values(table), (width + 1) % 4),
        bench.room(rows * width, (width + 3) % 4),
      ];
      bench.expect(
        () => {
          bench.run({ kind: 'embedding', ids: atIds, table: atTable, y, rows, width }, PARTS[width % 4]);
        },
        { address: y, rows: 1, width: rows * width },
        values(expected),
      );
    }
  });
});

describe('planted faults are caught', () => {
  const x = unitTensor([9, 14], 2).transpose(1, 0) as Tensor;
  const bench = (): Bench => BENCHES[0][1]();
  test('what is right passes', () => {
    checkCopy(bench(), x, 0, 1);
  });
  test.each<[string, (step: CopyStep) => CopyStep]>([
    ['strides exchanged', (s) => ({ ...s, xStride: [s.xStride[1], s.xStride[0]] })],
    ['a row left out', (s) => ({ ...s, shape: [s.shape[0] - 1, s.shape[1]] })],
    ['a row too many', (s) => ({ ...s, shape: [s.shape[0] + 1, s.shape[1]] })],
    ['a wrong start', (s) => ({ ...s, x: s.x + 4 })],
  ])('%s', (_, change) => {
    expect(() => {
      checkCopy(bench(), x, 0, 1, change);
    }).toThrow(/expected/);
  });

  test('a transposition that leaves the last block out', () => {
    const it = bench();
    const machine = it.withFault('copy_transpose_4x4', (right, [from, to, rows, ...rest]) =>
      right(from, to, rows - 4, ...rest),
    );
    const y = it.room(x.size);
    const step: CopyStep = {
      kind: 'copy',
      x: it.place(values(x)),
      y,
      shape: x.shape,
      xStride: x.stride.map((s) => 4 * s),
      yStride: rowMajor(x.shape),
    };
    expect(() => {
      it.expect(
        () => {
          it.run(step, 1, machine);
        },
        { address: y, rows: 1, width: x.size },
        values(contiguous(x)),
      );
    }).toThrow(/expected/);
  });
});
