import { describe, test } from 'vitest';
import { relu } from '../../src/ops/index.ts';
import { reluChecks } from '../support/checks/activations.ts';

describe('relu', () => {
  for (const [sentence, check] of Object.entries(reluChecks))
    test(sentence, () => {
      check(relu);
    });
});
