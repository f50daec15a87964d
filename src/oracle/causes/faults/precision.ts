// Precisions lower than float32, emulated on the backend's own inputs.

import { EXACT, type Emulation } from '../../../graph/emulate.ts';
import type { Fault } from '../fault.ts';

const emulated = (name: string, explanation: string, ...variants: readonly Partial<Emulation>[]): Fault[] =>
  variants.map((variant) => ({ name, explanation, emulation: { ...EXACT, ...variant } }));

export const PRECISION_FAULTS: readonly Fault[] = [
  ...emulated(
    'float16-storage',
    'Tensors are stored in float16; that is what this precision costs, so verify with --claims float16, or ask ' +
      'for float32.',
    { storage: 'float16' },
    { storage: 'float16', attention: 'stored' },
  ),
  ...emulated(
    'bfloat16-storage',
    'Tensors are stored in bfloat16; that is what this precision costs, so verify with --claims bfloat16, or ' +
      'ask for float32.',
    { storage: 'bfloat16' },
    { storage: 'bfloat16', attention: 'stored' },
  ),
  ...emulated(
    'tf32',
    'Products take their operands with 10 fraction bits, as TF32 does (float16 operands look the same); switch ' +
      'TF32 off, or verify with --claims tf32.',
    { operands: 'tf32' },
    { operands: 'tf32', attention: 'stored' },
    { operands: 'tf32-truncated' },
    { operands: 'tf32-truncated', attention: 'stored' },
  ),
  ...emulated(
    'float16-operands',
    'Products take their operands in float16 and sum in float32 (TF32 looks the same); ask for float32 ' +
      'products, or verify with --claims float16.',
    { operands: 'float16' },
    { operands: 'float16', attention: 'stored' },
  ),
  ...emulated(
    'bfloat16-operands',
    'Products take their operands in bfloat16 and sum in float32; ask for float32 products, or verify with ' +
      '--claims bfloat16.',
    { operands: 'bfloat16' },
    { operands: 'bfloat16', attention: 'stored' },
  ),
  ...emulated(
    'int8-weights',
    'Weights are kept in 8-bit integers, one scale per output; verify with --claims int8-weights, or keep ' +
      'float weights.',
    { weights: 'int8' },
  ),
];
