// erf and sigmoid on every 257th of the 2^32 inputs against the contract's hashes, 17 million each. Their checks take
// every 4099th (exp's also every 257th: a planted fault needs it); sweep.slow.test.ts takes them all.

import { test } from 'vitest';
import { erf, sigmoid } from '../../src/ops/index.ts';
import { assertHash } from '../support/activations-checks.ts';

test.each([
  ['erf', erf, '1860a50f'],
  ['sigmoid', sigmoid, '031819e2'],
] as const)('%s has the reference hash on every 257th of the 2^32 inputs', (_, operation, hash) => {
  assertHash(operation, 257, hash);
});
