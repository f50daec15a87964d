// The README stays short, its numbers are those of the pages, and the examples of all pages run.

import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { fences, pages, prose, read, ROOT } from './support/pages.ts';

const readme = read('README.md');

test('the README has at most 120 lines and 1,000 words', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(120);
  expect(readme.split(/\s+/).length).toBeLessThanOrEqual(1000);
});

test("the README's figures are those of docs/benchmarks.md, and its count of engines that of the matrix", () => {
  const measured = [
    ...read('docs/benchmarks.md').matchAll(/^\| (\S+) \| ([12]) \| \*\*(\d+) ms\*\* \| (\d+) ms [^|]*\| (\d+) ms /gm),
  ];
  const models = [...new Set(measured.map(([, model]) => model))];
  const rows = models.map((model) => {
    const of = measured.filter(([, name]) => name === model);
    return `| ${[model, ...[3, 4, 5].map((column) => of.map((row) => row[column]).join(' / '))].join(' | ')} |`;
  });
  expect(rows.length).toBe(3);
  for (const row of rows) expect(readme).toContain(row);
  const matrix = /^<!-- conformance -->$([^]*)^<!-- \/conformance -->$/m.exec(read('docs/conformance.md'))![1];
  expect(readme).toContain(`${matrix.match(/^\| .* \| \d{4}-\d\d-\d\d[^|]*\|$/gm)!.length} combinations`);
});

const ENTRIES: Record<string, () => Promise<object>> = {
  'clip-oracle': () => import('../../src/index.ts'),
  'clip-oracle/browser': () => import('../../src/browser/index.ts'),
  'clip-oracle/ops': () => import('../../src/ops/index.ts'),
  'clip-oracle/layers': () => import('../../src/layers/index.ts'),
  'clip-oracle/oracle': () => import('../../src/oracle/index.ts'),
};

test('what the examples import is exported', async () => {
  const imports = pages.flatMap((page) =>
    [...read(page).matchAll(/^import \{([^}]*)\} from '(clip-oracle[^']*)'/gm)].map(([, names, entry]) => ({
      page,
      names,
      entry,
    })),
  );
  expect(imports.length).toBeGreaterThan(5);
  for (const { page, names, entry } of imports) {
    // Pages on browsers import from clip-oracle, which is the entry for pages there.
    const exported = Object.keys(await ENTRIES[page === 'docs/browser.md' ? 'clip-oracle/browser' : entry]());
    for (const name of names.split(',')) expect(exported, page).toContain(name.trim());
  }
});

/** Runs a program as a module in the project's folder, where `clip-oracle` is the built package itself. */
const output = (program: string): string =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: ROOT, encoding: 'utf8' });

describe('examples', () => {
  const examples = pages.flatMap((page) =>
    fences(read(page))
      .filter(({ language }) => / runnable$/.test(language))
      .map(({ code }) => ({ page, code })),
  );

  test.each(examples)('of $page: prints what its comments say', ({ code }) => {
    const expected = [...code.matchAll(/^console\.log\(.*\);\s+\/\/ (.*)$/gm)].map(([, text]) => text);
    expect(expected.length).toBeGreaterThan(0);
    expect(output(code).trimEnd().split('\n')).toEqual(expected);
  });

  test("the README's first program runs", () => {
    const [{ code }] = fences(readme);
    const program = code.replace('photo.jpg', 'fixtures/bundled/octopus.jpg');
    expect(output(`${program}console.log(feature.shape); await model.close();`)).toBe('[ 1, 128 ]\n');
    expect(program).not.toBe(code);
  });
});

test('paragraphs are wrapped at 120 columns: node tools/docs/wrap.mjs PAGE…', async () => {
  const { wrap, COLUMNS } = (await import(new URL('../../tools/docs/wrap.mjs', import.meta.url).href)) as {
    wrap(text: string): string;
    COLUMNS: number;
  };
  for (const page of pages) {
    const text = read(page);
    expect(wrap(text), page).toBe(text);
    for (const line of prose(text).split('\n'))
      if (!/^[|<]/.test(line)) expect([...line].length, line).toBeLessThanOrEqual(COLUMNS);
  }
});
