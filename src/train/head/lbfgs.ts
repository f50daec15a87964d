// The limited-memory BFGS method: Nocedal & Wright, Numerical Optimization (2nd edition, 2006), Algorithms 7.4 (two
// loops) and 7.5, with a diagonal in place of the multiple of the identity that its first guess of the inverse Hessian
// is. Full batch, float64, sums in order: no randomness, no bit that depends on engine or threads.
//
// Why not a library: those on npm have no line search (optimization-js 1.5.0 multiplies its step by 0.5 or 1.2 and ends
// at a gradient of 1e-5), another method (fmin 0.0.4: conjugate gradients; ml-logistic-regression 2.0.0: steps of fixed
// length) or are kept no longer.

import { lineSearch, type Point } from './line-search.ts';

export interface Minimum {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
  readonly value: number;
  readonly iterations: number;
  readonly evaluations: number;
  /** 'done' as `isDone` has it; 'rounding': no step leads further down in float64; 'limit': after `maxIterations`. */
  readonly ended: 'done' | 'rounding' | 'limit';
}

export interface MinimizeOptions {
  readonly start: Float64Array;
  /** f, and its gradient into the array. */
  evaluate(x: Float64Array, gradient: Float64Array): number;
  /** Whether this is near enough. */
  isDone(x: Float64Array, gradient: Float64Array, value: number): boolean;
  readonly maxIterations: number;
  /** Positive numbers, about the Hessian's diagonal: a scale for each variable. */
  readonly curvature: Float64Array;
  /** How many steps are remembered. */
  readonly memory?: number;
}

/** Of one step. */
interface Pair {
  /** x - x before. */
  readonly s: Float64Array;
  /** gradient - gradient before. */
  readonly y: Float64Array;
  /** 1 / s·y */
  readonly rho: number;
}

/**
 * Minimises f. A generator, so that the caller can do other things between iterations.
 * @yields the number of iterations so far
 * @throws RangeError if f is not finite at the start
 */
export function* minimize({
  start,
  evaluate,
  isDone,
  maxIterations,
  curvature,
  memory = 20,
}: MinimizeOptions): Generator<number, Minimum, void> {
  const n = start.length;
  let x = start.slice(),
    gradient = new Float64Array(n),
    nextX = new Float64Array(n),
    nextGradient = new Float64Array(n);
  const direction = new Float64Array(n);
  let value = evaluate(x, gradient),
    iterations = 0,
    evaluations = 1;
  if (!Number.isFinite(value))
    throw new RangeError(
      `minimize: "evaluate" expected a finite value at the start, got ${value}; scale the input down`,
    );
  const pairs: Pair[] = [];
  const end = (ended: Minimum['ended']): Minimum => ({ x, gradient, value, iterations, evaluations, ended });

  while (!isDone(x, gradient, value)) {
    if (iterations === maxIterations) return end('limit');
    // [1] direction
    descent(direction, gradient, pairs, curvature);
    let slope = dot(direction, gradient);
    if (!(slope < 0) && pairs.length > 0) {
      pairs.length = 0;
      descent(direction, gradient, pairs, curvature);
      slope = dot(direction, gradient);
    }
    if (!(slope < 0)) return end('rounding');
    // [2] step
    const at = (step: number): Point => {
      for (let i = 0; i < n; i++) nextX[i] = x[i] + step * direction[i];
      evaluations++;
      return { step, value: evaluate(nextX, nextGradient), slope: dot(direction, nextGradient) };
    };
    const point = lineSearch({ step: 0, value, slope }, 1, at);
    if (point === null) {
      // What is remembered may be rounding; without it once more.
      if (pairs.length === 0) return end('rounding');
      pairs.length = 0;
      continue;
    }
    // [3] remember
    const s = new Float64Array(n),
      y = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      s[i] = nextX[i] - x[i];
      y[i] = nextGradient[i] - gradient[i];
    }
    const sy = dot(s, y);
    if (sy > 0) {
      if (pairs.length === memory) pairs.shift();
      pairs.push({ s, y, rho: 1 / sy });
    }
    [x, nextX] = [nextX, x];
    [gradient, nextGradient] = [nextGradient, gradient];
    value = point.value;
    yield ++iterations;
  }
  return end('done');
}

/** direction = -H·gradient (Algorithm 7.4). */
function descent(
  direction: Float64Array,
  gradient: Float64Array,
  pairs: readonly Pair[],
  curvature: Float64Array,
): void {
  const n = direction.length;
  direction.set(gradient);
  // [1] the newest first
  const alphas = new Array<number>(pairs.length);
  for (let p = pairs.length - 1; p >= 0; p--) {
    const { s, y, rho } = pairs[p];
    const alpha = (alphas[p] = rho * dot(s, direction));
    for (let i = 0; i < n; i++) direction[i] -= alpha * y[i];
  }
  // [2] the first guess: 1 / curvature, times what the last step says of its size (7.20)
  let scale = 1;
  if (pairs.length > 0) {
    const { y, rho } = pairs[pairs.length - 1];
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (y[i] * y[i]) / curvature[i];
    scale = 1 / (rho * sum);
  }
  for (let i = 0; i < n; i++) direction[i] *= scale / curvature[i];
  // [3] the oldest first
  for (let p = 0; p < pairs.length; p++) {
    const { s, y, rho } = pairs[p];
    const change = alphas[p] - rho * dot(y, direction);
    for (let i = 0; i < n; i++) direction[i] += change * s[i];
  }
  for (let i = 0; i < n; i++) direction[i] = -direction[i];
}

/** a · b. Four sums, each in order. */
export function dot(a: Float64Array, b: Float64Array): number {
  let s0 = 0,
    s1 = 0,
    s2 = 0,
    s3 = 0,
    i = 0;
  for (; i + 4 <= a.length; i += 4) {
    s0 += a[i] * b[i];
    s1 += a[i + 1] * b[i + 1];
    s2 += a[i + 2] * b[i + 2];
    s3 += a[i + 3] * b[i + 3];
  }
  for (; i < a.length; i++) s0 += a[i] * b[i];
  return s0 + s1 + (s2 + s3);
}
