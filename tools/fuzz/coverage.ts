// A copy of the built project whose parsers count: Istanbul puts a counter on every statement, branch and function
// (istanbul-lib-instrument); its counting expressions are then replaced by increments in one Uint8Array, which is cheap
// to clear and to look through after every run.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInstrumenter } from 'istanbul-lib-instrument';

export interface CountedFile {
  /** Relative to src: `clip/image/png.js`; packages begin with node_modules. */
  readonly name: string;
  /** Its counters are base … base + count - 1. */
  readonly base: number;
  readonly count: number;
  /** Strings that its source mentions, for the dictionary. */
  readonly words: readonly string[];
}

const FILES = 'fuzz-files.json';

/** Parsers in dependencies that are JavaScript. */
const PACKAGES: readonly (readonly [name: string, files: RegExp])[] = [['jpeg-js', /^lib\/decoder\.js$/]];

const filesBelow = (folder: string, under = folder): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name), under) : [relative(under, join(folder, entry.name))],
  );

/**
 * Makes the copy.
 * @param root of the project, built
 * @param to a folder that does not exist yet
 * @param sources beginnings of the names of files that count
 * @returns how many counters there are
 */
export function makeCountingCopy(root: string, to: string, sources: readonly string[]): number {
  const files: CountedFile[] = [];
  let base = 0;
  const counting = (path: string, name: string, isModule: boolean): void => {
    const { code, count } = instrumented(readFileSync(path, 'utf8'), base, isModule);
    writeFileSync(path, code);
    files.push({ name, base, count, words: wordsIn(code) });
    base += count;
  };
  mkdirSync(to, { recursive: true });
  for (const file of ['package.json', 'fixtures']) symlinkSync(join(root, file), join(to, file));
  for (const room of ['src', 'workers', 'tools/fuzz'])
    cpSync(join(root, 'dist', room), join(to, 'dist', room), { recursive: true });
  for (const file of filesBelow(join(to, 'dist/src'))
    .filter((name) => name.endsWith('.js') && sources.some((source) => name.startsWith(source)))
    .sort())
    counting(join(to, 'dist/src', file), file, true);
  counting(join(to, 'dist/tools/fuzz/targets/planted.js'), 'tools/fuzz/targets/planted.js', true);
  const modules = join(root, 'node_modules');
  mkdirSync(join(to, 'node_modules'));
  for (const name of readdirSync(modules)) {
    const own = PACKAGES.find(([known]) => known === name);
    if (own === undefined) {
      symlinkSync(join(modules, name), join(to, 'node_modules', name));
      continue;
    }
    cpSync(join(modules, name), join(to, 'node_modules', name), { recursive: true });
    for (const file of filesBelow(join(to, 'node_modules', name)).filter((path) => own[1].test(path)))
      counting(join(to, 'node_modules', name, file), `node_modules/${name}/${file}`, false);
  }
  writeFileSync(join(to, FILES), JSON.stringify(files));
  return base;
}

/** The code with counters from `base` on. */
function instrumented(source: string, base: number, isModule: boolean): { code: string; count: number } {
  const instrumenter = createInstrumenter({ esModules: isModule, compact: false, produceSourceMap: false });
  const code = instrumenter.instrumentSync(source, 'file.js');
  const { s, b, f } = instrumenter.lastFileCoverage();
  const place = new Map<string, number>();
  for (const key of Object.keys(s)) place.set(`s[${key}]`, place.size);
  for (const key of Object.keys(f)) place.set(`f[${key}]`, place.size);
  for (const [key, arms] of Object.entries(b)) arms.forEach((_, arm) => place.set(`b[${key}][${arm}]`, place.size));
  const counted = code.replace(
    /\bcov_\w+\(\)\.((?:s|f)\[\d+\]|b\[\d+\]\[\d+\])\+\+/g,
    (_, counter: string) => `__fuzz[${base + place.get(counter)!}]++`,
  );
  const head = `${isModule ? 'const' : 'var'} __fuzz = globalThis.__fuzzCounters ?? {};\n`;
  return {
    code: source.startsWith('#!') ? counted.replace(/^(#![^\n]*\n)?/, (line) => line + head) : head + counted,
    count: place.size,
  };
}

/** String literals of 2 to 24 characters. */
function wordsIn(source: string): string[] {
  const found = new Set<string>();
  // Istanbul's own table of places comes first and has no words of the program's.
  for (const [, quoted] of source.slice(source.indexOf('actualCoverage')).matchAll(/'((?:[^'\\\n]|\\.){2,24})'/g)) {
    if (!/^(node:|\.\.?\/)/.test(quoted))
      found.add(
        quoted
          .replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
          .replace(/\\0/g, '\0')
          .replace(/\\n/g, '\n')
          .replace(/\\(.)/g, '$1'),
      );
  }
  return [...found];
}

/** The files of the copy that this code runs in. */
export function countedFiles(root: string): CountedFile[] {
  const path = join(root, FILES);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as CountedFile[]) : [];
}
