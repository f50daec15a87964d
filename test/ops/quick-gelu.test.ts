import { describe, test } from 'vitest';
import { quickGelu } from '../../src/ops/index.ts';
import { quickGeluChecks } from './quick-gelu.checks.ts';

describe('quickGelu', () => {
  for (const [sentence, check] of Object.entries(quickGeluChecks))
    test(sentence, () => {
      check(quickGelu);
    });
});
