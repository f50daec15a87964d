// The kernel tour quotes the code. Whoever changes a line that is quoted changes the tour as well.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kernels } from '../../src/compiler/steps.ts';
import { TILE } from '../../src/ops/tiles.simd.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const tour = read('docs/kernel-tour.md');

interface Excerpt {
  file: string;
  name: string;
  code: string;
}

/** Each: a line that links the file and names the function, an empty line, the fenced code. */
function excerptsOf(text: string): Excerpt[] {
  return [...text.matchAll(/^\[([^\]]+)\]\(\.\.\/\1\), `([^`]+)`:\n\n```ts\n(.*?)\n```$/gms)].map(
    ([, file, name, code]) => ({ file, name, code }),
  );
}

/** From where `name` is declared to the next line that closes something at the margin of the declaration. */
function bodyOf(source: string, name: string): string {
  const lines = source.split('\n');
  const first = lines.findIndex((line) =>
    new RegExp(`^\\s*((export )?(async )?(function|const) ${name}\\b|${name}\\(.*\\{$)`).test(line),
  );
  if (first === -1) return '';
  const margin = /^\s*/.exec(lines[first])![0];
  const length = lines[first].endsWith(';') ? 0 : lines.slice(first).findIndex((line) => line.startsWith(`${margin}}`));
  return lines.slice(first, first + length + 1).join('\n');
}

const excerpts = excerptsOf(tour);

test('every piece of code in the tour says where it is from', () => {
  expect(excerpts.length).toBeGreaterThan(10);
  expect(excerpts.length).toBe(tour.match(/^```ts/gm)!.length);
});

describe.each(excerpts)('$file, $name', ({ file, name, code }) => {
  test(`has: ${code.trim().split('\n')[0].slice(0, 60)}`, () => {
    expect(bodyOf(read(file), name)).toContain(code);
  });
});

test('every file that the tour links exists', () => {
  const links = [...tour.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link);
  expect(links.length).toBeGreaterThan(15);
  for (const link of links) expect(existsSync(new URL(`../../docs/${link}`, import.meta.url)), link).toBe(true);
});

test('kernels that the tour names exist', () => {
  const names = [...tour.matchAll(/`((?:pack|pad)_\w+|widen|narrow|\w+Epilogue)`/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(8);
  const assembled = kernels(TILE).map((kernel) => kernel.name);
  for (const name of names) expect(assembled).toContain(name);
});

test("an excerpt that was changed, or is another function's, is seen", () => {
  const source = read('src/ops/dot-products.ts');
  const { code } = excerpts.find(({ name }) => name === 'dot32')!;
  expect(bodyOf(source, 'dot32')).toContain(code);
  expect(bodyOf(source, 'dot32')).not.toContain(code.replace('acc + s', 's + acc'));
  expect(bodyOf(source, 'rowProducts')).toContain('copyRows(b, o, rows, K, panel);');
  expect(bodyOf(source, 'rowProducts')).not.toContain(code);
  expect(bodyOf(source, 'dot16')).toBe('');
  expect(excerptsOf('[a.ts](../b.ts), `f`:\n\n```ts\nf();\n```\n')).toEqual([]);
});
