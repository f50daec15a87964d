// The objective of logistic regression with L2, and its gradient, in float64:
//
//     f(W, b) = (1/S) Σ sᵢ·lossᵢ  +  λ/2 · Σ W²,        S = Σ sᵢ;  the intercept b is not penalised
//     loss = ln(1 + eᶻ) - y·z            one output: y is 1 for the second class, z = w·x + b
//     loss = ln Σₖ e^(zₖ) - z_class      several outputs: zₖ = Wₖ·x + bₖ
//
// Times C·S, with C = 1/(λ·S), this is what scikit-learn's LogisticRegression(C=C) minimises: C·Σ sᵢ·lossᵢ + ½·Σ W².
// (scikit-learn 1.2, sklearn/linear_model/_logistic.py)
//
// The variables are W and the intercept for features less their mean μ, c = b + W·μ: the same function, but in
// coordinates in which CLIP's features, which have much in common, do not tie every weight to the intercept. Sums go
// over the rows in order, so that the bits depend on nothing but the input.

import { expCore } from '../../ops/exp-core.ts';
import type { FloatArray } from '../../ops/tensor.ts';
import { log1p } from '../../ops/log1p.ts';

/** Rows that are computed together: each row of W is read once for all of them. */
const BLOCK = 4;

export interface Samples {
  /** (rows, E), row-major. */
  readonly features: FloatArray;
  readonly E: number;
  /** Which rows count, in this order. */
  readonly rows: Int32Array;
  /** The class of each row of `features`. */
  readonly classOf: Int32Array;
  /** Weights of the rows of `features`; null: 1 each. */
  readonly weightOf: Float64Array | null;
}

export class LogisticObjective {
  /** Outputs: 1 for two classes, else one per class. */
  readonly K: number;
  /** K·(E+1): W (K,E) row-major, then the K intercepts of centred features. */
  readonly length: number;
  /** S. */
  readonly totalWeight: number;
  readonly l2: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly #samples: Samples;
  readonly #block: Float64Array;
  readonly #residuals: Float64Array;

  /** @param K 1 for two classes, else the number of classes */
  constructor(samples: Samples, K: number, l2: number) {
    const { E, rows, weightOf } = samples;
    this.K = K;
    this.length = K * (E + 1);
    this.l2 = l2;
    this.#samples = samples;
    this.#block = new Float64Array(BLOCK * E);
    this.#residuals = new Float64Array(BLOCK * K);
    let S = 0;
    for (const row of rows) S += weightOf === null ? 1 : weightOf[row];
    this.totalWeight = S;
    [this.mean, this.variance] = moments(samples, S);
  }

  /** f, and its gradient into `gradient`. */
  evaluate(x: Float64Array, gradient: Float64Array): number {
    const { E, rows, classOf, weightOf } = this.#samples;
    const { K, mean, l2, totalWeight } = this;
    const residuals = this.#residuals;
    const intercepts = this.intercepts(x);
    gradient.fill(0);
    let loss = 0;
    for (let first = 0; first < rows.length; first += BLOCK) {
      const count = Math.min(BLOCK, rows.length - first);
      // [1] logits
      this.#load(first, count);
      this.#logits(x, intercepts);
      // [2] loss, and its derivative with respect to the logits
      for (let r = 0; r < BLOCK; r++) {
        if (r >= count) {
          residuals.fill(0, r * K, (r + 1) * K);
          continue;
        }
        const row = rows[first + r];
        const share = (weightOf === null ? 1 : weightOf[row]) / totalWeight;
        loss += share * (K === 1 ? binary(residuals, r, classOf[row]) : multinomial(residuals, r * K, K, classOf[row]));
        for (let k = r * K; k < (r + 1) * K; k++) residuals[k] *= share;
      }
      // [3] its derivative with respect to W and the intercept
      this.#addGradient(gradient);
    }
    // [4] features less their mean; the penalty
    let penalty = 0;
    for (let k = 0; k < K; k++) {
      const residual = gradient[K * E + k];
      for (let j = 0; j < E; j++) {
        const w = x[k * E + j];
        gradient[k * E + j] += l2 * w - residual * mean[j];
        penalty += w * w;
      }
    }
    return loss + (l2 / 2) * penalty;
  }

  /** b = c - W·μ: the intercepts for the features as they are. */
  intercepts(x: Float64Array): Float64Array {
    const { E } = this.#samples;
    return Float64Array.from({ length: this.K }, (_, k) => {
      let sum = 0;
      for (let j = 0; j < E; j++) sum += x[k * E + j] * this.mean[j];
      return x[this.K * E + k] - sum;
    });
  }

  /** Σ W², of which the penalty is λ/2. */
  squaredWeights(x: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.K * this.#samples.E; i++) sum += x[i] * x[i];
    return sum;
  }

  /** Roughly the Hessian's diagonal where all logits are 0, as a scale for the optimiser. */
  curvature(): Float64Array {
    const { E } = this.#samples;
    const p = this.K === 1 ? 1 / 2 : 1 / this.K;
    const diagonal = new Float64Array(this.length);
    for (let i = 0; i < this.K * E; i++) diagonal[i] = p * (1 - p) * this.variance[i % E] + this.l2;
    return diagonal.fill(p * (1 - p), this.K * E);
  }

  /** Rows into the block, absent ones as 0. */
  #load(first: number, count: number): void {
    const { features, E, rows } = this.#samples;
    const block = this.#block;
    for (let r = 0; r < count; r++) {
      const from = rows[first + r] * E;
      for (let j = 0; j < E; j++) block[r * E + j] = features[from + j];
    }
    if (count < BLOCK) block.fill(0, count * E);
  }

  /** residuals[r·K + k] = W[k]·block[r] + b[k] */
  #logits(x: Float64Array, intercepts: Float64Array): void {
    const { K } = this,
      { E } = this.#samples,
      block = this.#block,
      z = this.#residuals;
    for (let k = 0; k < K; k++) {
      let z0 = 0,
        z1 = 0,
        z2 = 0,
        z3 = 0;
      for (let j = 0, w_k = k * E; j < E; j++, w_k++) {
        const w = x[w_k];
        z0 += w * block[j];
        z1 += w * block[E + j];
        z2 += w * block[2 * E + j];
        z3 += w * block[3 * E + j];
      }
      z[k] = z0 + intercepts[k];
      z[K + k] = z1 + intercepts[k];
      z[2 * K + k] = z2 + intercepts[k];
      z[3 * K + k] = z3 + intercepts[k];
    }
  }

  /** gradient[k] += Σ residuals[r·K + k]·block[r] */
  #addGradient(gradient: Float64Array): void {
    const { K } = this,
      { E } = this.#samples,
      block = this.#block,
      residuals = this.#residuals;
    for (let k = 0; k < K; k++) {
      const r0 = residuals[k],
        r1 = residuals[K + k],
        r2 = residuals[2 * K + k],
        r3 = residuals[3 * K + k];
      for (let j = 0, g_k = k * E; j < E; j++, g_k++)
        gradient[g_k] += r0 * block[j] + r1 * block[E + j] + (r2 * block[2 * E + j] + r3 * block[3 * E + j]);
      gradient[K * E + k] += r0 + r1 + (r2 + r3);
    }
  }
}

/** The loss of the logit z[at], which becomes its derivative. */
function binary(z: Float64Array, at: number, y: number): number {
  const logit = z[at];
  const small = expCore(logit < 0 ? logit : -logit); // e^-|z|
  z[at] = (logit < 0 ? small : 1) / (1 + small) - y; // sigmoid(z) - y
  // ln(1 + eᶻ) - y·z = ln(1 + e^-|z|) + max(z, 0) - y·z
  return log1p(small) + (y === 1 ? (logit < 0 ? -logit : 0) : logit < 0 ? 0 : logit);
}

/** The loss of the K logits z[at…], which become their derivatives. */
function multinomial(z: Float64Array, at: number, K: number, y: number): number {
  let top = at;
  for (let k = at + 1; k < at + K; k++) if (z[k] > z[top]) top = k;
  const most = z[top],
    own = z[at + y];
  let others = 0; // Σ e^(zₖ - most) of all but the top
  for (let k = at; k < at + K; k++) {
    z[k] = expCore(z[k] - most);
    if (k !== top) others += z[k];
  }
  for (let k = at; k < at + K; k++) z[k] /= 1 + others;
  z[at + y] -= 1;
  return log1p(others) + (most - own);
}

/** Mean and variance of each feature, weighted. */
function moments({ features, E, rows, weightOf }: Samples, S: number): [mean: Float64Array, variance: Float64Array] {
  const mean = new Float64Array(E),
    variance = new Float64Array(E);
  for (const row of rows) {
    const share = (weightOf === null ? 1 : weightOf[row]) / S;
    for (let j = 0; j < E; j++) mean[j] += share * features[row * E + j];
  }
  for (const row of rows) {
    const share = (weightOf === null ? 1 : weightOf[row]) / S;
    for (let j = 0; j < E; j++) {
      const off = features[row * E + j] - mean[j];
      variance[j] += share * off * off;
    }
  }
  return [mean, variance];
}
