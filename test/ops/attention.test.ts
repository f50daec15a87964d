import { describe, test } from 'vitest';
import { attention } from '../../src/ops/index.ts';
import { attentionChecks } from './attention.checks.ts';

describe('attention', () => {
  for (const [sentence, check] of Object.entries(attentionChecks))
    test(sentence, () => {
      check(attention);
    });
});
