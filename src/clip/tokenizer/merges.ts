// The 48,894 merges of OpenAI's vocabulary, which the build packs (scripts/pack-merges.mjs).

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { packageFile } from '../package-file.ts';
import { BytePairs } from './byte-pairs.ts';

const COUNT = 48894;

let shared: BytePairs | null = null;

/**
 * OpenAI's byte-pair encoding, read when it is first asked for (some 40 ms).
 * @throws Error if the file is missing or damaged
 */
export function openaiBytePairs(): BytePairs {
  return shared ??= new BytePairs(readMerges());
}

function readMerges(): string[] {
  const file = packageFile('fixtures/bundled/merges.txt.gz');
  let merges: string[];
  try {
    merges = gunzipSync(readFileSync(file)).toString('utf8').split('\n');
  } catch (error) {
    throw new Error(`the tokenizer's merges cannot be read from "${file}" (${(error as NodeJS.ErrnoException).code ?? 'damaged'}); run npm run build, or install the package again`, { cause: error });
  }
  if (merges.length !== COUNT) throw new Error(`"${file}" expected ${COUNT} merges, got ${merges.length}; run npm run build, or install the package again`);
  return merges;
}
