// The paths of files in the package, whether the code runs from src (tests) or from dist/src (installed).

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | null = null;

/** The absolute path of a file in the package, relative to its package.json. The file need not exist. */
export function packageFile(relative: string): string {
  root ??= packageRoot(dirname(fileURLToPath(import.meta.url)));
  return join(root, relative);
}

function packageRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (
      existsSync(manifest) &&
      (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'clip-oracle'
    )
      return folder;
    if (dirname(folder) === folder)
      throw new Error(`no package.json of clip-oracle above "${start}"; install the package again`);
  }
}
