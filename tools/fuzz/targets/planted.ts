// Not the project's: a parser with one bug of each kind behind a few conditions. A fuzzer that does not find these
// finds nothing. Run only when they are asked for by name.

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../mutate/bytes.ts';
import { havoc } from '../mutate/havoc.ts';
import { MB, type Target } from './target.ts';

type Bug = (value: number) => unknown;

/**
 * `B`, a version, a kind, a number: the bug is in one kind of later versions, for some numbers. The seed is of an early
 * version and another kind.
 */
function boxes(input: Uint8Array, bug: Bug): unknown {
  if (input.length < 6) throw new Error('box: expected at least 6 bytes, got fewer; write it again');
  if (input[0] !== 0x42) throw new Error('box: expected "B", got something else; write it again');
  if (input[1] < 0x38) throw new Error('box: expected version 8 or later, got an earlier one; write it again');
  if (input[3] >= 0x36 && input[3] < 0x3a) {
    const value = input[4] * 256 + input[5];
    if (value > 0x4000) return bug(value);
  }
  return null;
}

/** A list whose links may lead back. */
function endless(value: number): number {
  const next = [1, 2, 0];
  let at = value > 0x5000 ? 0 : 3,
    steps = 0;
  while (at < 3) {
    at = next[at];
    steps++;
  }
  return steps;
}

const planted = (kind: string, bug: Bug): Target => ({
  name: `planted-${kind}`,
  sources: ['tools/fuzz/targets/planted'],
  mutators: [havoc],
  limit: (size) => MB + 64 * size,
  seeds: () => [utf8('B0X000')],
  run: (input) => Promise.resolve(boxes(input, bug)),
});

export const PLANTED_TARGETS: readonly Target[] = [
  planted('hang', endless),
  planted('allocation', (value) => new Uint8Array(value * 4096)),
  planted('heap', (value) => Array.from({ length: value * 1000 }, (_, i) => [i])),
  planted('crash', () => process.abort()),
  planted('exit', () => process.exit(3)),
  planted('error', (value) => new Uint8Array(4).set(new Uint8Array(8), value)),
  planted('thrown', () => {
    throw 'a string';
  }),
  planted('write', () => {
    writeFileSync(join(tmpdir(), 'clip-oracle-fuzz-planted'), '');
  }),
  planted('rejection', () => {
    void Promise.reject(new Error('nobody: expected somebody to wait, got nobody; wait'));
  }),
  planted('silence', () => new Promise(() => undefined)),
];
