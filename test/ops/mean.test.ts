import { describe, test } from 'vitest';
import { mean } from '../../src/ops/index.ts';
import { meanChecks } from './mean.checks.ts';

describe('mean', () => {
  for (const [sentence, check] of Object.entries(meanChecks))
    test(sentence, () => {
      check(mean);
    });
});
