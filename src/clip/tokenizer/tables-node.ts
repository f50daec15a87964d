// The tokenizer's tables out of the package's files, read when they are first needed. `#host/tables`
// (package.json, "imports"); in browsers it is src/browser/host/tables.ts.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { packageFile } from '../package-file.ts';

export type Table = 'merges' | 'entities';

/** The text of a table. @throws Error with the remedy if its file is missing or damaged */
export function readTable(table: Table): string {
  const file = packageFile(`fixtures/bundled/${table}.txt.gz`);
  try {
    return gunzipSync(readFileSync(file)).toString('utf8');
  } catch (error) {
    throw new Error(
      `the tokenizer's ${table} cannot be read from "${file}" ` +
        `(${(error as NodeJS.ErrnoException).code ?? 'damaged'}); run npm run build, or install the package again`,
      { cause: error },
    );
  }
}
