// Comparison of a result with a public vector's expected output, within the tolerance that the vector states.

import type { Tensor } from '../../../src/ops/index.ts';
import { elements } from '../bits.ts';
import type { Vector } from './read.ts';

/** The bit pattern as a whole number that grows with the value: neighbours differ by 1, +0 and -0 are equal. */
function ordinal(value: number, double: boolean): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (double) {
    view.setFloat64(0, value);
    const bits = view.getBigUint64(0);
    return bits >> 63n ? -(bits & 0x7fffffffffffffffn) : bits;
  }
  view.setFloat32(0, value);
  const bits = BigInt(view.getUint32(0));
  return bits >> 31n ? -(bits & 0x7fffffffn) : bits;
}

/** How many representable numbers apart. NaN equals NaN and is infinitely far from all else. */
export function ulpDistance(a: number, b: number, double: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Infinity;
  const distance = ordinal(a, double) - ordinal(b, double);
  return Number(distance < 0n ? -distance : distance);
}

/** How far the elements of a may be from those of b. */
export interface Allowance {
  /** Representable numbers. */
  ulp?: number;
  /** Absolute difference. */
  absolute?: number;
  /** Difference relative to the largest magnitude of the expected tensor. */
  ofMaximum?: number;
  /** |a - b| <= rtol·|b| + atol, the form of ONNX. */
  rtol?: number;
  atol?: number;
}

/** The largest magnitude, NaN apart. */
export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((top, v) => Math.max(top, Number.isNaN(v) ? 0 : Math.abs(v)), 0);
}

/** In words what is wrong, or null. */
export function firstOutside(actual: Tensor, expected: Tensor, allowed: Allowance): string | null {
  if (actual.data.constructor !== expected.data.constructor)
    return `expected a ${expected.data.constructor.name}, got a ${actual.data.constructor.name}`;
  if (actual.shape.join() !== expected.shape.join())
    return `expected shape (${expected.shape.join(', ')}), got (${actual.shape.join(', ')})`;
  const a = elements(actual);
  const b = elements(expected);
  const double = b instanceof Float64Array;
  const maximum = largest(b);
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const ulp = ulpDistance(a[i], b[i], double);
    const difference = Math.abs(a[i] - b[i]);
    const inside =
      (allowed.ulp === undefined || ulp <= allowed.ulp) &&
      (allowed.absolute === undefined || difference <= allowed.absolute) &&
      (allowed.ofMaximum === undefined || difference <= allowed.ofMaximum * maximum) &&
      (allowed.rtol === undefined || difference <= allowed.rtol * Math.abs(b[i]) + (allowed.atol ?? 0));
    if (!inside)
      return (
        `element ${i}: expected ${b[i]}, got ${a[i]}: ${ulp} ulp, ${difference} of at most ` +
        `${JSON.stringify(allowed)}, maximum ${maximum}`
      );
  }
  return null;
}

/**
 * webnn-baseline compares with what it computed itself and states 0 ulp of float64. That holds for us where the same
 * additions come in the same order.
 * Where the contract has another order of the same float64 operations the last bits differ, and where the vector is
 * coarser than float64, more:
 */
const BASELINE_EXCEPTIONS: Record<string, { allowed: Allowance; reason: string }> = {
  batchNormalization: {
    allowed: { ofMaximum: 1e-15 },
    reason: 'the contract folds x·a + c, the baseline computes (x - mean)·scale/√(var + eps) + bias',
  },
  averagePool2d: { allowed: { ofMaximum: 1e-15 }, reason: 'the contract sums in four stripes' },
  softmax: {
    allowed: { ofMaximum: 1e-15 },
    reason: "four stripes, and the contract's exponential instead of Math.exp",
  },
  layerNormalization: {
    allowed: { ofMaximum: 1e-15 },
    reason: 'four stripes, and times 1/√(var + eps) instead of divided by the root',
  },
  exp: { allowed: { ulp: 1 }, reason: "the contract's exponential instead of Math.exp" },
  tanh: { allowed: { absolute: 1e-15 }, reason: 'not ours: 2·sigmoid(2x) - 1 cancels near 0' },
  sqrt: { allowed: { ulp: 1 }, reason: 'not ours: v / √v has a rounding more' },
  gelu: {
    allowed: { absolute: 1e-7 },
    reason:
      "the vector is the baseline's own approximation: it has gelu(-1) = -0.15865526383, the true value is " +
      '-0.15865525393',
  },
  sigmoid: { allowed: { absolute: 1e-7 }, reason: 'the vector has 8 decimal digits' },
  erf: {
    allowed: { absolute: 1.5e-7 },
    reason: 'the vector is Abramowitz & Stegun 7.1.26, whose error bound is 1.5e-7',
  },
};

/** The tolerance that the vector states; for ONNX, whose own is 1e-3, also 1e-6 of the tensor's maximum. */
export function allowance({ op, tolerance }: Vector): Allowance {
  switch (tolerance.metric) {
    case 'ULP':
      return { ulp: tolerance.value };
    case 'ATOL':
      return { absolute: tolerance.value };
    case 'rtol_atol':
      return { rtol: tolerance.rtol, atol: tolerance.atol, ofMaximum: 1e-6 };
    case 'ULP_f64':
      return BASELINE_EXCEPTIONS[op]?.allowed ?? { ulp: tolerance.value };
  }
}
