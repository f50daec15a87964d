import { describe, test } from 'vitest';
import { layerNorm } from '../../src/ops/index.ts';
import { layerNormChecks } from './layer-norm.checks.ts';

describe('layerNorm', () => {
  for (const [sentence, check] of Object.entries(layerNormChecks))
    test(sentence, () => {
      check(layerNorm);
    });
});
