import { describe, test } from 'vitest';
import { gelu } from '../../src/ops/index.ts';
import { geluChecks } from '../support/checks/activations.ts';

describe('gelu', () => {
  for (const [sentence, check] of Object.entries(geluChecks))
    test(sentence, () => {
      check(gelu);
    });
});
