import { describe, test } from 'vitest';
import { erf } from '../../src/ops/index.ts';
import { erfChecks } from './erf.checks.ts';

describe('erf', () => {
  for (const [sentence, check] of Object.entries(erfChecks))
    test(sentence, () => {
      check(erf);
    });
});
