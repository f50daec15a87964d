// The inputs that something was once found with, by target. The tests replay them; every run begins with them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export function corpusOf(root: string, target: string): Buffer[] {
  const folder = join(root, 'tools/fuzz/corpus', target);
  return existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => readFileSync(join(folder, name)))
    : [];
}
