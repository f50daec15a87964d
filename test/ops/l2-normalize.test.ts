import { describe, test } from 'vitest';
import { l2Normalize } from '../../src/ops/index.ts';
import { l2NormalizeChecks } from './l2-normalize.checks.ts';

describe('l2Normalize', () => {
  for (const [sentence, check] of Object.entries(l2NormalizeChecks))
    test(sentence, () => {
      check(l2Normalize);
    });
});
