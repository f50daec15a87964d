// The number of heads of the towers that are supported: no tensor's shape shows it, and with another number every
// feature is wrong.

import { MODELS } from './models.ts';

/** open_clip's image towers whose heads are not 64 columns wide. */
const WIDE_HEADS: readonly { width: number; layers: number; columns: number }[] = [
  { width: 1280, layers: 32, columns: 80 }, // ViT-H
  { width: 1408, layers: 40, columns: 88 }, // ViT-g
  { width: 1664, layers: 48, columns: 104 }, // ViT-bigG
  { width: 1792, layers: 56, columns: 112 }, // ViT-e
];

/** Columns of a head of an image tower, for weights without a configuration. */
export const headWidth = (width: number, layers: number): number =>
  WIDE_HEADS.find((tower) => tower.width === width && tower.layers === layers)?.columns ?? 64;

/** The same of a text tower: those of ViTamin-XL have 72 columns, all others 64. */
export const textHeadWidth = (width: number, layers: number): number => (width === 1152 && layers === 27 ? 72 : 64);

/**
 * The numbers of heads that an implementation may take, rightly or by mistake, ascending: that of every supported
 * attention, what its width gives with heads of 64 or 32 columns (a ViT-H read as one with heads of 64 columns has 20
 * instead of 16), and one.
 */
export function headCounts(): number[] {
  const towers = [
    ...MODELS.flatMap(({ vision, text }) => [
      vision.kind === 'ModifiedResNet' ? { width: 32 * vision.width, heads: vision.heads } : vision,
      ...(text === null ? [] : [text]),
    ]),
    ...WIDE_HEADS.map(({ width, columns }) => ({ width, heads: width / columns })),
  ];
  const counts = new Set([1, ...towers.flatMap(({ width, heads }) => [heads, width / 64, width / 32])]);
  return [...counts].sort((a, b) => a - b);
}
