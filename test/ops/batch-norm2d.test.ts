import { describe, test } from 'vitest';
import { batchNorm2d } from '../../src/ops/index.ts';
import { batchNorm2dChecks } from './batch-norm2d.checks.ts';

describe('batchNorm2d', () => {
  for (const [sentence, check] of Object.entries(batchNorm2dChecks))
    test(sentence, () => {
      check(batchNorm2d);
    });
});
