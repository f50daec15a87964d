// What a claimed precision stands for: how a backend that computes in it rounds, in several variants that are all
// right. How far off such a backend may be is then measured by emulation on the same network (emulated-error.ts).

import { EXACT, type Emulation } from '../graph/emulate.ts';
import type { Claim } from './types.ts';

export interface Variant {
  /** In a few words, for tables. */
  readonly name: string;
  readonly emulation: Emulation;
}

const chunks = (chunk: number): Emulation['summation'] => ({ chunk, total: null });

/** Tensors and parameters stored in a 16-bit format, sums in float32, as tensor cores and most kernels have it. */
const stored = (storage: 'float16' | 'bfloat16'): readonly Variant[] => [
  { name: 'every tensor stored', emulation: { ...EXACT, storage, attention: 'stored' } },
  {
    name: 'every tensor stored, partial sums of 16',
    emulation: { ...EXACT, storage, attention: 'stored', summation: chunks(16) },
  },
  {
    name: 'attention fused, partial sums of 32',
    emulation: { ...EXACT, storage, attention: 'fused', summation: chunks(32) },
  },
];

/**
 * No variant has what the claims rule out: running sums in float16 or bfloat16, and tf32 operands that are
 * cut off instead of rounded (which makes every product smaller, layer after layer: ten times tf32's error in the
 * features of a ResNet). The variants of float32 are evidence only, for its limits are the contract's.
 */
export const VARIANTS: Readonly<Record<Claim, readonly Variant[]>> = {
  float32: [
    { name: 'partial sums of 64', emulation: { ...EXACT, attention: 'stored', summation: chunks(64) } },
    { name: 'partial sums of 32', emulation: { ...EXACT, attention: 'stored', summation: chunks(32) } },
    { name: 'partial sums of 16', emulation: { ...EXACT, attention: 'stored', summation: chunks(16) } },
    { name: 'one running sum', emulation: { ...EXACT, attention: 'stored', summation: chunks(1) } },
  ],
  tf32: [
    { name: 'operands to nearest', emulation: { ...EXACT, operands: 'tf32', attention: 'stored' } },
    {
      name: 'operands to nearest, partial sums of 32',
      emulation: { ...EXACT, operands: 'tf32', attention: 'stored', summation: chunks(32) },
    },
    {
      name: 'operands to nearest, attention in float32',
      emulation: { ...EXACT, operands: 'tf32', attention: 'fused' },
    },
  ],
  float16: stored('float16'),
  bfloat16: stored('bfloat16'),
  'int8-weights': [
    { name: 'one scale per output', emulation: { ...EXACT, weights: 'int8' } },
    {
      name: 'one scale per output, partial sums of 32',
      emulation: { ...EXACT, weights: 'int8', attention: 'stored', summation: chunks(32) },
    },
    {
      name: 'one scale per output, activations in float16',
      emulation: { ...EXACT, storage: 'float16', weights: 'int8', attention: 'stored' },
    },
  ],
};
