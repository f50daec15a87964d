// How good a head is: accuracy, that of each class, average precision, and the threshold that is right most often.

export interface Metrics {
  readonly samples: number;
  /** The share that is named right. */
  readonly accuracy: number;
  /**
   * The same among the samples of each class; null for a class without any. Of two classes "real" and "fake":
   * UniversalFakeDetect's r_acc and f_acc.
   */
  readonly accuracyOf: readonly (number | null)[];
  /**
   * Of the second class; with more than two classes the mean over those that have samples. null where there are samples
   * of one class only.
   */
  readonly averagePrecision: number | null;
}

/**
 * Average precision as scikit-learn's average_precision_score: Σ (Rₙ - Rₙ₋₁)·Pₙ over the distinct scores from above,
 * without interpolation; equal scores count together.
 * @returns NaN if nothing is positive
 */
export function averagePrecision(scores: ArrayLike<number>, isPositive: (index: number) => boolean): number {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  let positives = 0;
  for (const i of order) if (isPositive(i)) positives++;
  let hits = 0,
    before = 0,
    sum = 0;
  order.forEach((i, rank) => {
    if (isPositive(i)) hits++;
    if (rank + 1 < order.length && scores[order[rank + 1]] === scores[i]) return;
    sum += (hits - before) * (hits / (rank + 1));
    before = hits;
  });
  return sum / positives;
}

/**
 * Of a head with one output: class 1 where the probability is above the threshold.
 * @param logits by which average precision ranks: probabilities of 1 would be equal
 */
export function binaryMetrics(
  logits: Float64Array,
  probabilities: Float64Array,
  truth: Int32Array,
  threshold: number,
): Metrics {
  const isOne = (i: number): boolean => truth[i] === 1;
  const both = truth.includes(0) && truth.includes(1);
  return {
    ...accuracies(2, truth, (i) => (probabilities[i] > threshold ? 1 : 0)),
    averagePrecision: both ? averagePrecision(logits, isOne) : null,
  };
}

/**
 * Of a head with one output per class: the class with the largest logit, of equals the first.
 * @param scores (samples, K), by which average precision ranks each class against the rest: probabilities
 */
export function multinomialMetrics(logits: Float64Array, scores: Float64Array, K: number, truth: Int32Array): Metrics {
  const named = (i: number): number => {
    let best = 0;
    for (let k = 1; k < K; k++) if (logits[i * K + k] > logits[i * K + best]) best = k;
    return best;
  };
  const present = Array.from({ length: K }, (_, k) => k).filter((k) => truth.includes(k));
  const precisions = present.map((k) =>
    averagePrecision(
      Float64Array.from({ length: truth.length }, (_, i) => scores[i * K + k]),
      (i) => truth[i] === k,
    ),
  );
  const mean = precisions.reduce((sum, precision) => sum + precision, 0) / precisions.length;
  return { ...accuracies(K, truth, named), averagePrecision: present.length > 1 ? mean : null };
}

function accuracies(K: number, truth: Int32Array, named: (index: number) => number): Omit<Metrics, 'averagePrecision'> {
  const count = new Array<number>(K).fill(0),
    right = new Array<number>(K).fill(0);
  truth.forEach((k, i) => {
    count[k]++;
    if (named(i) === k) right[k]++;
  });
  const sum = right.reduce((total, n) => total + n, 0);
  return {
    samples: truth.length,
    accuracy: sum / truth.length,
    accuracyOf: count.map((n, k) => (n === 0 ? null : right[k] / n)),
  };
}

/**
 * The threshold above which class 1 is named, so that most are right. Candidates lie halfway between neighbouring
 * distinct probabilities, and at 0 and 1; of equally good ones that in the widest gap is taken, then that nearest to ½,
 * then the lower.
 *
 * Differs from UniversalFakeDetect's find_best_threshold (validate.py) in three ways: the classes need not be equally
 * many and in order; the threshold is no sample's own probability, so that ">" and ">=" agree on it; of equals not the
 * last in the order of the samples is taken. The accuracy is the same or better, and where the classes are separable it
 * is the same threshold.
 */
export function bestThreshold(probabilities: Float64Array, truth: Int32Array): number {
  const order = Array.from(truth.keys()).sort((a, b) => probabilities[a] - probabilities[b]);
  let right = truth.reduce((sum, k) => sum + k, 0); // above 0 everything is class 1
  let best = { threshold: 0, right, gap: 0 };
  const offer = (candidate: typeof best): void => {
    const order =
      candidate.right - best.right ||
      candidate.gap - best.gap ||
      Math.abs(best.threshold - 0.5) - Math.abs(candidate.threshold - 0.5);
    if (order > 0) best = candidate;
  };
  order.forEach((i, rank) => {
    right += truth[i] === 0 ? 1 : -1;
    const here = probabilities[i];
    if (rank + 1 === order.length) return offer({ threshold: 1, right, gap: 0 });
    const next = probabilities[order[rank + 1]];
    if (next > here) offer({ threshold: (here + next) / 2, right, gap: next - here });
  });
  return best.threshold;
}
