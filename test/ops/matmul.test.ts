import { describe, test } from 'vitest';
import { matmul } from '../../src/ops/index.ts';
import { matmulChecks } from './matmul.checks.ts';

describe('matmul', () => {
  for (const [sentence, check] of Object.entries(matmulChecks))
    test(sentence, () => {
      check(matmul);
    });
});
