import { describe, test } from 'vitest';
import { conv2d } from '../../src/ops/index.ts';
import { conv2dChecks } from './conv2d.checks.ts';

describe('conv2d', () => {
  for (const [sentence, check] of Object.entries(conv2dChecks))
    test(sentence, () => {
      check(conv2d);
    });
});
