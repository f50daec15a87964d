import { describe, test } from 'vitest';
import { avgPool2d } from '../../src/ops/index.ts';
import { avgPool2dChecks } from './avg-pool2d.checks.ts';

describe('avgPool2d', () => {
  for (const [sentence, check] of Object.entries(avgPool2dChecks))
    test(sentence, () => {
      check(avgPool2d);
    });
});
