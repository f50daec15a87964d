// Numbers of heads, expected from the tables of OpenAI's and open_clip's model configurations.

import { expect, test } from 'vitest';
import { headCounts, headWidth } from '../../src/clip/head-counts.ts';

test('every supported tower is among the numbers of heads, as is what heads of 64 columns would give it', () => {
  const supported = [
    ['RN50, RN101', 2048, 32],
    ['RN50x4', 2560, 40],
    ['RN50x16', 3072, 48],
    ['RN50x64', 4096, 64],
    ['ViT-B', 768, 12],
    ['ViT-L and text of ViT-H', 1024, 16],
    ['ViT-H', 1280, 16],
    ['ViT-g', 1408, 16],
    ['ViT-bigG', 1664, 16],
    ['text of ViT-B', 512, 8],
    ['text of RN50x4', 640, 10],
    ['text of ViT-bigG', 1280, 20],
    ['tiny text', 64, 1],
  ] as const;
  const counts = headCounts();
  for (const [name, width, heads] of supported)
    expect({ name, counts }).toEqual({ name, counts: expect.arrayContaining([heads, width / 64]) as number[] });
  expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
});

test('heads have 64 columns, but for three of open_clip that have the same width and depth', () => {
  expect(headWidth(1280, 32)).toBe(80);
  expect(headWidth(1408, 40)).toBe(88);
  expect(headWidth(1664, 48)).toBe(104);
  expect(headWidth(1280, 12)).toBe(64);
  expect(headWidth(768, 12)).toBe(64);
});
