// What the pages say about the code: paths exist, "`name` (path)" is a name in that file, quoted sections and items of
// the numerics contract are there.

import { describe, expect, test } from 'vitest';
import { files, pages, prose, read } from './support/pages.ts';

/** Files that a page names and that are not the project's: made at run time, or another project's. */
const OTHERS = new Set([
  'model.py',
  'clip.py',
  'validate.py',
  'host.mjs',
  'main.mjs',
  'vite.config.js',
  'clip-oracle.js',
]);

const SOURCE = /\.(?:ts|mjs|js|py)$/;
const FOLDERS = '(?:src|workers|test|tools|bench|docs|fixtures|examples|schema)';

/** Folders that commands make, and placeholders. */
const MADE =
  /^(?:bench\/peers\/node_modules|examples\/browser\/dist|tools\/fuzz\/(?:findings|corpus\/.*)|src\/ops\/x\..*)$/;

/** Whether a path, perhaps with `*` or without the end of its name (`test/faults/disk`), is the project's. */
function exists(path: string): boolean {
  const bare = path.replace(/\/$/, '');
  const pattern = bare
    .replace(/[.+?^$()[\]\\]/g, '\\$&')
    .replace(/\{([^}]*)\}/g, (_, list: string) => `(?:${list.replace(/,/g, '|')})`);
  const whole = new RegExp(`^${pattern.replace(/\*/g, '[^/]*')}(?:\\.[\\w.]+|/)?$`);
  return files.some((file) => whole.test(file));
}

/** Paths from the root, in backticks or not, and source files that are named alone. */
function lost(text: string): string[] {
  const rooted = [...text.matchAll(new RegExp(`(?<![\\w/.~@-])${FOLDERS}/[\\w./{},*@-]*[\\w/*}]`, 'g'))].map(
    ([path]) => path,
  );
  const alone = [...text.matchAll(/`([\w./-]+)`/g)]
    .map(([, path]) => path)
    .filter(
      (path) =>
        SOURCE.test(path) && !/^(?:x|x64|x_)\b/.test(path) && !/^(?:\.\.?\/|dist\/)/.test(path) && !OTHERS.has(path),
    );
  return [
    ...new Set([
      ...rooted.filter((path) => !MADE.test(path) && !exists(path)),
      ...alone.filter((path) => !MADE.test(path) && !files.some((file) => file === path || file.endsWith(`/${path}`))),
    ]),
  ];
}

/** Names with the file behind them that do not occur in it. */
function strangers(text: string): string[] {
  const pairs = text.matchAll(
    new RegExp(
      `((?:\`#?\\w+\`(?:, | and )?)+) \\(\`?((?:${FOLDERS}/)?[\\w/.-]+\\.ts|(?:src|workers)/[\\w/-]+)\`?[,)]`,
      'g',
    ),
  );
  return [...pairs].flatMap(([, names, path]) => {
    const targets = files.filter((file) => file === path || file.endsWith(`/${path}`) || file.startsWith(`${path}/`));
    const code = targets
      .filter((file) => file.endsWith('.ts'))
      .map(read)
      .join('\n');
    return [...names.matchAll(/`(#?\w+)`/g)]
      .filter(([, name]) => !new RegExp(`${name}\\b`).test(code))
      .map(([, name]) => `${name} (${path})`);
  });
}

const joined = (text: string): string => text.replace(/\s*\n\s*(?:\/\/|\*)?\s*/g, ' ');

/** Sections and items of the contract that a text quotes and that it does not have. */
function unwritten(text: string, contract: string): string[] {
  const line = joined(text);
  const quotes = [...line.matchAll(/numerics(?:\.md| contract)[`)]?,? \(?"([^"]+)"/gi)].map(([, title]) => title);
  const items = [...line.matchAll(/numerics(?:\.md| contract)[`)]?,? items? (\d+)/gi)].map(([, item]) => item);
  return [
    ...quotes.filter((title) => !contract.includes(`\n## ${title}\n`)),
    ...items.filter((item) => !contract.includes(`\n${item}. `)).map((item) => `item ${item}`),
  ];
}

describe.each(pages)('%s', (page) => {
  const text = prose(read(page));

  test('every path that it names exists', () => expect(lost(text)).toEqual([]));

  test('every name is in the file that is named behind it', () => expect(strangers(text)).toEqual([]));
});

test('quoted sections and items of the contract exist', () => {
  const contract = read('docs/numerics.md');
  const quoting = files.filter(
    (file) => /^(?:src|workers|test|docs|tools)\/.*\.(?:ts|md)$/.test(file) && !file.endsWith('names.test.ts'),
  );
  expect(quoting.flatMap((file) => unwritten(read(file), contract).map((what) => `${file}: ${what}`))).toEqual([]);
});

test('stale names are seen', () => {
  expect(lost('`src/ops/relu.ts`, src/ops, test/faults/disk, `relu.simd.ts`, `src/*/index.ts`, `x.simd.ts`')).toEqual(
    [],
  );
  expect(lost('`src/ops/rely.ts`, src/opera, `simd-executor.ts`')).toEqual([
    'src/ops/rely.ts',
    'src/opera',
    'simd-executor.ts',
  ]);
  expect(strangers('`relu` (src/ops/relu.ts), `relu`, `requireTensor` (relu.ts)')).toEqual([]);
  expect(strangers('`rely` (src/ops/relu.ts), `relu`, `gelu` (relu.ts)')).toEqual([
    'rely (src/ops/relu.ts)',
    'gelu (relu.ts)',
  ]);
  expect(unwritten('numerics\n// contract, item 5; numerics contract ("A")', '\n## A\n3. x\n')).toEqual(['item 5']);
  expect(unwritten('numerics.md, "A", "B"; Numerics contract, item 4', '\n## B\n\n3. x\n')).toEqual(['A', 'item 4']);
});
