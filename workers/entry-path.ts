// The path of the worker's entry file. Threads run JavaScript, even when this module is loaded as TypeScript (as the
// tests do).

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @throws Error when the package has not been built
 */
export function entryPath(from: string = import.meta.url): string {
  const path = fileURLToPath(new URL(from.endsWith('.ts') ? '../dist/workers/entry.js' : './entry.js', from));
  if (!existsSync(path))
    throw new Error(
      `threads: expected the worker's entry file at ${path}, which is missing. Build the package with \`npm ` +
        `run build\`.`,
    );
  return path;
}
