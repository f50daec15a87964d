// The table of docs/checkpoints.md is what src/clip/weights/families.ts says.

import { expect, test } from 'vitest';
import { FAMILIES, OTHERS } from '../../src/clip/weights/families.ts';
import { read } from './support/pages.ts';

const { withFamilies } = (await import(new URL('../../tools/docs/families.mjs', import.meta.url).href)) as {
  withFamilies(page: string, families: typeof FAMILIES, others: typeof OTHERS): string;
};

test('the page is up to date: else run npm run docs', () => {
  expect(withFamilies(read('docs/checkpoints.md'), FAMILIES, OTHERS)).toBe(read('docs/checkpoints.md'));
});

test('every family has one row, with what works of it', () => {
  const rows = read('docs/checkpoints.md').match(/^\| (?!holds|--|pipeline|`).* \|$/gm)!;
  expect(rows.length).toBe(FAMILIES.length + OTHERS.length);
  expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
  for (const { name, foreign } of FAMILIES) {
    const row = rows.find((one) => one.startsWith(`| ${name} |`))!;
    expect(/images are refused|\| refused \|/.test(row), name).toBe(foreign !== 'text');
  }
});
