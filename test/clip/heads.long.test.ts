// Towers as wide as open_clip's ViT-H/14, ViT-g/14 and ViT-bigG/14, with one block each: features against PyTorch's in
// float64 (fixtures/heads).

import { expect, test } from 'vitest';
import { ARCHITECTURES, expectFeatures } from '../support/heads.ts';

const WIDE = Object.keys(ARCHITECTURES).filter((name) => name.startsWith('ViT-'));

test('three of them', () => expect(WIDE).toEqual(['ViT-H', 'ViT-g', 'ViT-bigG']));

test.each(WIDE)("%s: float64 has PyTorch's features, float32 is near them, SIMD has the plain loops' bits", (name) =>
  expectFeatures(name, false),
);
