import { describe, test } from 'vitest';
import { linear } from '../../src/ops/index.ts';
import { linearChecks } from '../support/checks/dot-products.ts';

describe('linear', () => {
  for (const [sentence, check] of Object.entries(linearChecks))
    test(sentence, () => {
      check(linear);
    });
});
