// Where the error is, if no fault fits. These are hints, not causes, which their low confidence says.

import { groupsOf } from '../layer-result.ts';
import type { Cause } from '../types.ts';
import type { Search } from './search.ts';

const CONFIDENCE = 0.1;
/** Share of the error's energy that counts as all of it. */
const ALL = 0.999;

export function hints(search: Search): Cause[] {
  const {
    values: { shape, data },
    truth,
    target,
  } = search;
  const hint = (name: string, explanation: string): Cause => ({
    name: `unexplained-${name}`,
    confidence: CONFIDENCE,
    explanation,
  });
  const energy = Float64Array.from(truth, (t, i) => (data[i] - t) * (data[i] - t));
  const bad = energy.findIndex((e) => !Number.isFinite(e));
  if (bad >= 0)
    return [
      hint(
        'not-finite',
        `${target} has NaN or infinite numbers, the first at element ${bad}; in float16 everything beyond ` +
          '65504 is infinite.',
      ),
    ];
  const total = energy.reduce((sum, e) => sum + e, 0);
  const found: Cause[] = [];
  const groups = groupsOf(target, shape);
  if (groups !== null) {
    const { kind, axis } = groups;
    const sums = along(energy, shape, axis);
    const order = [...sums.keys()].sort((a, b) => sums[b] - sums[a]);
    let count = 0;
    for (let sum = 0; sum < ALL * total && count < order.length; count++) sum += sums[order[count]];
    if (kind === 'token' && count === 1 && order[0] === 0)
      found.push(
        hint(
          'class-token-only',
          `Only the class token of ${target} is wrong; look at how it is made and which position it gets.`,
        ),
      );
    else if (count <= sums.length / 2)
      found.push(
        hint(
          `some-${kind}s-only`,
          `Only ${kind}s ${listed(order.slice(0, count).sort((a, b) => a - b))} of ${sums.length} of ${target} ` +
            'are wrong.',
        ),
      );
  }
  if (shape.length === 4 && shape[2] > 2 && shape[3] > 2) {
    const [, , H, W] = shape;
    const inside = energy.reduce((sum, e, i) => {
      const [h, w] = [Math.floor(i / W) % H, i % W];
      return h > 0 && w > 0 && h < H - 1 && w < W - 1 ? sum + e : sum;
    }, 0);
    if (inside < (1 - ALL) * total)
      found.push(hint('border-only', `Only the border of ${target} is wrong; look at the padding.`));
  }
  return found;
}

function along(energy: Float64Array, shape: readonly number[], axis: number): Float64Array {
  const sums = new Float64Array(shape[axis]);
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  energy.forEach((e, i) => {
    sums[Math.floor(i / inner) % shape[axis]] += e;
  });
  return sums;
}

const listed = (numbers: readonly number[]): string =>
  numbers.length <= 8 ? numbers.join(', ') : `${numbers.slice(0, 8).join(', ')}, … (${numbers.length})`;
