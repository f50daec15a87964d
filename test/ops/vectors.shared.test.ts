// All public operator vectors through our operations, each within the tolerance that it states. None is skipped: what
// our interface lacks is brought back to calls of our operations in vectors/run.ts.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { elements } from '../support/bits.ts';
import { tensorOf } from '../support/arbitraries.ts';
import { allowance, firstOutside, largest, ulpDistance } from '../support/vectors/compare.ts';
import { readVectors } from '../support/vectors/read.ts';
import { runOnnx, runWebnn } from '../support/vectors/run.ts';

const folder = process.env.CLIP_ORACLE_VECTORS ?? join(process.env.CLIP_ORACLE_SHARED ?? '../shared', 'conformance');
if (!existsSync(folder))
  throw new Error(
    `no folder ${folder}; name the folder of the vectors: CLIP_ORACLE_VECTORS=FOLDER npm run test:shared -- vectors`,
  );

const FILES = [
  { file: 'webnn.jsonl', run: runWebnn, count: 257 },
  { file: 'webnn-baseline.jsonl', run: runWebnn, count: 152 },
  { file: 'onnx-node.jsonl', run: runOnnx, count: 51 },
  { file: 'onnx-pytorch.jsonl', run: runOnnx, count: 57 },
];

for (const { file, run, count } of FILES) {
  const vectors = readVectors(join(folder, file));
  describe(file, () => {
    let ran = 0;
    for (const vector of vectors) {
      test(`${vector.op}: ${vector.name}`, () => {
        ran++;
        const results = run(vector);
        expect(results.length).toBe(vector.outputs.length);
        results.forEach((result, i) => {
          const wrong = firstOutside(result, vector.outputs[i], allowance(vector));
          if (wrong !== null) throw new Error(`${vector.outputNames[i]}: ${wrong}`);
        });
      });
    }
    test(`ran all ${count}`, () => {
      expect(ran).toBe(count);
    });
    test('would notice an output that is wrong in its last element by twice the tolerance', () => {
      for (const vector of vectors) {
        const expected = vector.outputs[0];
        const wrong = tensorOf(
          elements(expected),
          expected.shape,
          expected.data instanceof Float32Array ? Float32Array : Float64Array,
        );
        const last = wrong.size - 1;
        const { ulp, absolute, ofMaximum } = allowance(vector);
        const maximum = largest(wrong.data) || 1;
        const value = Number.isNaN(wrong.data[last]) ? 1 : wrong.data[last];
        const spacing = wrong.data instanceof Float32Array ? 2 ** -22 : 2 ** -51;
        wrong.data[last] =
          value +
          (absolute ?? 0) * 2 +
          (ofMaximum ?? 0) * 2 * maximum +
          (ulp === undefined ? 0 : (2 * ulp + 1) * Math.max(Math.abs(value), 1e-30) * spacing);
        if (firstOutside(wrong, expected, allowance(vector)) === null)
          throw new Error(`${vector.name}: ${value} became ${wrong.data[last]} unnoticed`);
      }
    });
  });
}

test('the distance in ulp counts representable numbers, across 0 too', () => {
  expect(ulpDistance(1, 1 + 2 ** -23, false)).toBe(1);
  expect(ulpDistance(1, 1 - 2 ** -24, false)).toBe(1);
  expect(ulpDistance(-(2 ** -149), 2 ** -149, false)).toBe(2);
  expect(ulpDistance(1, 1 + 2 ** -52, true)).toBe(1);
  expect(ulpDistance(-0, 0, true)).toBe(0);
  expect(ulpDistance(NaN, NaN, false)).toBe(0);
  expect(ulpDistance(NaN, 0, false)).toBe(Infinity);
});
