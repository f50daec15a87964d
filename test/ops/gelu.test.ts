import { describe, test } from 'vitest';
import { gelu } from '../../src/ops/index.ts';
import { geluChecks } from './gelu.checks.ts';

describe('gelu', () => {
  for (const [sentence, check] of Object.entries(geluChecks))
    test(sentence, () => {
      check(gelu);
    });
});
