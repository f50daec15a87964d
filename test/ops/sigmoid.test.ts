import { describe, test } from 'vitest';
import { sigmoid } from '../../src/ops/index.ts';
import { sigmoidChecks } from './sigmoid.checks.ts';

describe('sigmoid', () => {
  for (const [sentence, check] of Object.entries(sigmoidChecks))
    test(sentence, () => {
      check(sigmoid);
    });
});
