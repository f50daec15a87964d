import { describe, test } from 'vitest';
import { exp } from '../../src/ops/index.ts';
import { expChecks } from './exp.checks.ts';

describe('exp', () => {
  for (const [sentence, check] of Object.entries(expChecks))
    test(sentence, () => {
      check(exp);
    });
});
