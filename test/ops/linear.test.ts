import { describe, test } from 'vitest';
import { linear } from '../../src/ops/index.ts';
import { linearChecks } from './linear.checks.ts';

describe('linear', () => {
  for (const [sentence, check] of Object.entries(linearChecks))
    test(sentence, () => {
      check(linear);
    });
});
