import { describe, test } from 'vitest';
import { relu } from '../../src/ops/index.ts';
import { reluChecks } from './relu.checks.ts';

describe('relu', () => {
  for (const [sentence, check] of Object.entries(reluChecks))
    test(sentence, () => {
      check(relu);
    });
});
