// The 48,894 merges of OpenAI's vocabulary, which the build packs (tools/release/pack-bundled.mjs).

import { BytePairs } from './byte-pairs.ts';
import { readTable } from '#host/tables';

const COUNT = 48894;

let shared: BytePairs | null = null;

/**
 * OpenAI's byte-pair encoding, read at the first call (some 40 ms).
 * @throws Error if the file is missing or damaged
 */
export function openaiBytePairs(): BytePairs {
  return (shared ??= new BytePairs(readMerges()));
}

function readMerges(): string[] {
  const merges = readTable('merges').split('\n');
  if (merges.length !== COUNT)
    throw new Error(
      `the tokenizer's table expected ${COUNT} merges, got ${merges.length}; run npm run build, or install the ` +
        'package again',
    );
  return merges;
}
