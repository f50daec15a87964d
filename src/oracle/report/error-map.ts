// Errors of a layer summed into a small grid of cells, so that a pattern (a border, one token, every second channel)
// can be seen without keeping the tensor.

import type { Axes } from './axes.ts';

export interface ErrorMap {
  readonly rows: number;
  readonly columns: number;
  /** Sum of (B-T)² per cell, row by row. Infinity where B is not finite and T is. */
  readonly energy: Float64Array;
  /** Elements per cell. */
  readonly counts: Float64Array;
}

export function emptyMap(rows: number, columns: number): ErrorMap {
  return { rows, columns, energy: new Float64Array(rows * columns), counts: new Float64Array(rows * columns) };
}

/** Which of `cells` equal parts each of `count` places falls into. */
export function parts(count: number, cells: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, place) => Math.floor((place * cells) / count));
}

/**
 * For each row or column of the tensor the cell of the plane's map; the class token has none and gets the map's last
 * cell + 1.
 * @param most cells on a side, at most
 */
export function planeParts(axes: Axes, most: number): { map: ErrorMap; part: Uint32Array } | null {
  const { plane } = axes;
  if (plane === null) return null;
  const map = emptyMap(Math.min(plane.height, most), Math.min(plane.width, most));
  const [ys, xs] = [parts(plane.height, map.rows), parts(plane.width, map.columns)];
  const nowhere = map.energy.length;
  const part = Uint32Array.from({ length: plane.along === 'rows' ? axes.rows : axes.columns }, (_, place) => {
    const at = place - plane.first;
    return at < 0 ? nowhere : ys[Math.floor(at / plane.width)] * map.columns + xs[at % plane.width];
  });
  return { map, part };
}

/** The same map with at most half the rows and columns. */
export function coarsen(map: ErrorMap): ErrorMap {
  const coarse = emptyMap(Math.ceil(map.rows / 2), Math.ceil(map.columns / 2));
  for (let row = 0; row < map.rows; row++) {
    for (let column = 0; column < map.columns; column++) {
      const to = (row >> 1) * coarse.columns + (column >> 1);
      coarse.energy[to] += map.energy[row * map.columns + column];
      coarse.counts[to] += map.counts[row * map.columns + column];
    }
  }
  return coarse;
}
