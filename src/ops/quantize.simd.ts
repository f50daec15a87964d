// quantize on a machine's memory: the same arithmetic as quantize.ts, number by number, on weights as they are stored
// there, packed or not. It has no kernel, because it is seldom needed and each weight is read only twice.

import { BLOCK } from './dot-products.ts';
import { quantized, scaleOf } from './quantize.ts';
import { share, type Machine } from '../wasm/machine.ts';

/** `vectors` outputs of K weights each. In place if x and y are the same address. */
export interface QuantizeStep {
  kind: 'quantize';
  x: number;
  y: number;
  vectors: number;
  K: number;
  /** Vectors of a packed panel, 0 where the weight is not packed. */
  panel: number;
  /** Vectors of the packed weight, padding included. */
  padded: number;
  /** Where it is not packed: bytes from one vector to the next, and from one of its weights to the next. */
  vectorStride: number;
  kStride: number;
}

export function runQuantize(step: QuantizeStep, machine: Machine, part: number, parts: number): void {
  const { x, y, vectors, K, panel, padded } = step;
  const { f32 } = machine;
  // Whole panels, so that no two threads write into one.
  const grain = panel || 1;
  const [begin, end] = share(panel === 0 ? vectors : padded, grain, part, parts);
  if (begin === end) return;
  for (let first = begin; first < end; first += grain) {
    const width = Math.min(grain, (panel === 0 ? vectors : padded) - first);
    // The index of the element of vector first + v and position k, in elements from the start.
    const at = (v: number, k: number): number => {
      if (panel === 0) return ((first + v) * step.vectorStride + k * step.kStride) / 4;
      const block = k - (k % BLOCK);
      return block * padded + first * Math.min(BLOCK, K - block) + (k - block) * width + v;
    };
    for (let v = 0; v < width; v++) {
      // [1] largest = max |w|
      let largest = 0;
      for (let k = 0; k < K; k++) largest = Math.max(largest, Math.abs(f32[x / 4 + at(v, k)]));
      // [2] scale = RN32(largest / 127)
      const scale = scaleOf(largest);
      // [3] y = RN32(q · scale), q the integer nearest to w / scale
      for (let k = 0; k < K; k++) f32[y / 4 + at(v, k)] = quantized(f32[x / 4 + at(v, k)], scale);
    }
  }
}
