// The steps of a plain operation and of its SIMD twin carry the same labels in the same order, so that one explains the
// other.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../../src/ops/', import.meta.url);
const files = readdirSync(folder);
/** x.simd.ts and x64.simd.ts are twins of x.ts. */
const plainOf = (file: string): string => file.replace(/(?:64)?\.simd\.ts$/, '.ts');
const twins = files.filter((file) => file.endsWith('.simd.ts') && files.includes(plainOf(file)));

/** The lines `// [n] text`, in order. */
export function labelsOf(source: string): string[] {
  return [...source.matchAll(/^\s*\/\/ (\[\d+\] .*)$/gm)].map(([, label]) => label);
}

test('there are twins', () => {
  expect(twins.length).toBeGreaterThan(20);
});

test.each(twins)('%s has labels, those of its plain twin, in order', (file) => {
  const [simd, plain] = [file, plainOf(file)].map((name) => labelsOf(readFileSync(new URL(name, folder), 'utf8')));
  expect(simd).not.toEqual([]);
  expect(simd).toEqual(plain);
  simd.forEach((label, i) => {
    expect(label.startsWith(`[${i + 1}] `)).toBe(true);
  });
});

test('a label that is missing, changed or moved is seen', () => {
  const labels = labelsOf('  // [1] reduce\n  x();\n  // [2] scale\n  // [12] no\n');
  expect(labels).toEqual(['[1] reduce', '[2] scale', '[12] no']);
  expect(labelsOf('// [2] scale\n// [1] reduce')).not.toEqual(['[1] reduce', '[2] scale']);
});
