// Which samples are held out to measure a head: a share of each class, chosen by a seed, the same on every machine.

import { threefry2x32 } from '../../ops/threefry.ts';

export interface Split {
  /** Rows to train on, ascending. */
  readonly training: Int32Array;
  /** Rows to measure on, ascending. */
  readonly validation: Int32Array;
}

/**
 * Splits each class by itself. Of n samples n·fraction are held out, rounded to nearest, but at least one of two or
 * more, and never all.
 * The rows of class c are shuffled by Fisher and Yates with the words of Threefry-2x32 under the key (seed, c); the
 * first of them are held out.
 * @param classOf the class of each row
 * @param classes how many there are
 * @param fraction from 0 (nothing is held out) to below 1
 */
export function stratifiedSplit(classOf: Int32Array, classes: number, fraction: number, seed: number): Split {
  const rowsOf = Array.from({ length: classes }, (): number[] => []);
  classOf.forEach((c, row) => rowsOf[c].push(row));
  const isHeldOut = new Uint8Array(classOf.length);
  if (fraction > 0) {
    rowsOf.forEach((rows, c) => {
      const count = Math.min(rows.length - 1, Math.max(1, Math.floor(rows.length * fraction + 0.5)));
      for (let i = 0; i < count; i++) {
        // One of the rows that are left; a word of 32 bits is a fraction of 2^32.
        const [word] = threefry2x32(seed, c, i, 0);
        const j = i + Math.floor(((word >>> 0) / 4294967296) * (rows.length - i));
        [rows[i], rows[j]] = [rows[j], rows[i]];
        isHeldOut[rows[i]] = 1;
      }
    });
  }
  const all = Int32Array.from(classOf.keys());
  return { training: all.filter((row) => isHeldOut[row] === 0), validation: all.filter((row) => isHeldOut[row] === 1) };
}
