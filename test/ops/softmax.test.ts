import { describe, test } from 'vitest';
import { softmax } from '../../src/ops/index.ts';
import { softmaxChecks } from './softmax.checks.ts';

describe('softmax', () => {
  for (const [sentence, check] of Object.entries(softmaxChecks))
    test(sentence, () => {
      check(softmax);
    });
});
