// A copy of src with a few lines more, as somebody would add them: to test what an addition costs and gives, without
// toys in src. The copy is in a temporary folder; it finds packages by a link.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Files by their paths from the root: a whole new file, or lines that go before a line that begins with `before`. */
export interface Additions {
  readonly files: Readonly<Record<string, string>>;
  readonly lines: Readonly<Record<string, readonly (readonly [before: string, line: string])[]>>;
}

export interface CopiedSource {
  readonly folder: string;
  /** Imports a file of the copy by its path from the root, typed as the original is. */
  load<Module>(path: string): Promise<Module>;
  remove(): void;
}

/** @throws Error if a line to put others before is not there */
export function copiedSource({ files, lines }: Additions): CopiedSource {
  const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-copy-'));
  for (const part of ['src', 'workers', 'package.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, additions] of Object.entries(lines)) {
    const text = readFileSync(join(folder, path), 'utf8').split('\n');
    for (const [before, line] of additions) {
      const at = text.findIndex((one) => one.startsWith(before));
      if (at === -1) throw new Error(`${path} has no line that begins with ${JSON.stringify(before)}`);
      text.splice(at, 0, line);
    }
    writeFileSync(join(folder, path), text.join('\n'));
  }
  return {
    folder,
    load: <Module>(path: string) => import(/* @vite-ignore */ join(folder, path)) as Promise<Module>,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
