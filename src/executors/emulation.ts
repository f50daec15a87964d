// Whether a run emulates a lower precision.

import type { Emulation } from '../graph/emulate.ts';
import type { Precision, RunOptions } from './executor.ts';

/**
 * The emulation that the options ask for, or null.
 * @throws RangeError for an emulation in float64
 */
export function emulationIn(precision: Precision, { emulate, call = 'run' }: RunOptions): Emulation | null {
  if (emulate !== undefined && precision === 'float64')
    throw new RangeError(
      `${call}: "emulate" expected precision float32, got float64; smaller formats are emulated in float32`,
    );
  return emulate ?? null;
}
