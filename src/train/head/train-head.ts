// Trains an fc head on features: logistic regression with L2. The objective and what scikit-learn calls it:
// objective.ts.

import ndarray from 'ndarray';
import { flat } from '../../ops/contiguous.ts';
import { reference } from '../../ops/reference.ts';
import type { FloatArray, Tensor } from '../../ops/tensor.ts';
import type { Head } from '../../clip/head.ts';
import { classesOf } from './classes.ts';
import { minimize, type Minimum } from './lbfgs.ts';
import { bestThreshold, binaryMetrics, multinomialMetrics, type Metrics } from './metrics.ts';
import { LogisticObjective } from './objective.ts';
import { stratifiedSplit, type Split } from './split.ts';
import type { TrainedHead, TrainHeadOptions, TrainingReport } from './trained-head.ts';

/** The gradient's norm, relatively to the features' size, that float64 does not get below in long sums. */
const ROUNDING = 1e-15;

/**
 * Trains a head for these features. The same input gives the same bits on every machine.
 * @param features (N,E), finite; as the encoder gives them, or normalised if the images to come will be too
 * @param labels N class names or numbers
 * @throws TypeError or RangeError for features that are not finite, counts that differ, one class only, options out of
 *   range
 */
export async function trainHead(
  features: Tensor,
  labels: readonly (string | number)[],
  options: TrainHeadOptions = {},
): Promise<TrainedHead> {
  const { validation = 0.2, seed = 0, tolerance = 1e-9, maxIterations = 1000 } = options;
  const { data, N, E } = checkFeatures(features);
  if (!Array.isArray(labels))
    throw new TypeError(
      'trainHead: "labels" expected a list of names or numbers, got something else; give one per row of the features',
    );
  if (labels.length !== N)
    throw new RangeError(
      `trainHead: "labels" expected ${N}, one per row of the features, got ${labels.length}; give each row its own`,
    );
  checkOptions(options, N);
  // [1] classes and samples
  const { names, classOf } = classesOf(labels, options.classes);
  const K = names.length === 2 ? 1 : names.length;
  const split = stratifiedSplit(classOf, names.length, validation, seed);
  const weightOf = weightsOf(options, N, split.training, classOf, names.length);
  const total = split.training.reduce((sum, row) => sum + (weightOf === null ? 1 : weightOf[row]), 0);
  const l2 = options.l2 ?? 1 / ((options.C ?? 1) * total);
  // [2] the optimum
  const objective = new LogisticObjective({ features: data, E, rows: split.training, classOf, weightOf }, K, l2);
  const size = Math.sqrt(
    objective.variance.reduce((sum, variance, j) => sum + variance + objective.mean[j] * objective.mean[j], 0),
  );
  const minimum = await settled(
    minimize({
      start: new Float64Array(objective.length),
      evaluate: (x, gradient) => objective.evaluate(x, gradient),
      isDone: (x, gradient) => {
        const enough = Math.max(ROUNDING * size, tolerance * l2 * largest(x, K * E));
        return (
          norm(gradient.subarray(0, K * E)) <= enough &&
          norm(gradient.subarray(K * E)) <= Math.max(ROUNDING, enough / size || 0)
        );
      },
      maxIterations,
      curvature: objective.curvature(),
    }),
    options,
  );
  // [3] the head in float32, and what it is worth
  const exact = {
    weight: ndarray(minimum.x.slice(0, K * E), [K, E]),
    bias: ndarray(centred(objective.intercepts(minimum.x)), [K]),
  };
  const head = {
    weight: ndarray(Float32Array.from(exact.weight.data), [K, E]),
    bias: ndarray(Float32Array.from(exact.bias.data), [K]),
    labels: names,
  };
  if (![...head.weight.data, ...head.bias.data].every(Number.isFinite))
    throw new RangeError('trainHead: the head does not fit into float32; scale the features, or take a smaller C');
  const logits = logitsOf(data, E, head);
  const { threshold, ...measured } = measure(logits, K, classOf, split);
  const squares = objective.squaredWeights(minimum.x);
  const C = 1 / (l2 * total);
  const loss = minimum.value - (l2 / 2) * squares;
  const report: TrainingReport = {
    classes: names.map((name, k) => ({
      name,
      training: count(split.training, classOf, k),
      validation: count(split.validation, classOf, k),
    })),
    C,
    l2,
    objective: C * total * minimum.value,
    loss,
    iterations: minimum.iterations,
    evaluations: minimum.evaluations,
    gradientNorm: norm(minimum.gradient),
    distance: norm(minimum.gradient) / l2,
    converged: minimum.ended !== 'limit',
    threshold,
    ...measured,
    split,
  };
  return {
    ...head,
    ...(threshold !== null && { threshold }),
    ...(isNormalized(data, E) && { normalized: true }),
    exact,
    report,
  };
}

/** Runs the optimiser, and yields to the event loop now and then. */
async function settled(
  steps: Generator<number, Minimum, void>,
  { onIteration, signal }: TrainHeadOptions,
): Promise<Minimum> {
  signal?.throwIfAborted();
  for (let step = steps.next(), last = performance.now(); ; step = steps.next()) {
    if (step.done) return step.value;
    onIteration?.(step.value);
    const passed = performance.now() - last;
    if (passed >= 0 && passed < 20) continue; // a clock that goes back must not keep the others waiting
    await new Promise((done) => setImmediate(done));
    signal?.throwIfAborted();
    last = performance.now();
  }
}

function measure(
  logits: Float64Array,
  K: number,
  classOf: Int32Array,
  { training, validation }: Split,
): Pick<TrainingReport, 'training' | 'validation' | 'validationAtHalf' | 'threshold'> {
  const truth = (rows: Int32Array): Int32Array => rows.map((row) => classOf[row]);
  const pick = (from: Float64Array, rows: Int32Array): Float64Array =>
    Float64Array.from({ length: rows.length * K }, (_, i) => from[rows[Math.floor(i / K)] * K + (i % K)]);
  const N = classOf.length;
  if (K > 1) {
    const probabilities = reference.softmax(ndarray(logits, [N, K])).data as Float64Array;
    const on = (rows: Int32Array): Metrics =>
      multinomialMetrics(pick(logits, rows), pick(probabilities, rows), K, truth(rows));
    return {
      training: on(training),
      validation: validation.length === 0 ? null : on(validation),
      validationAtHalf: null,
      threshold: null,
    };
  }
  const probabilities = reference.sigmoid(ndarray(logits, [N, 1])).data as Float64Array;
  const on = (rows: Int32Array, threshold: number): Metrics =>
    binaryMetrics(pick(logits, rows), pick(probabilities, rows), truth(rows), threshold);
  if (validation.length === 0)
    return { training: on(training, 0.5), validation: null, validationAtHalf: null, threshold: 0.5 };
  const isBoth = new Set(truth(validation)).size === 2; // else any threshold on the right side would be perfect
  const threshold = isBoth ? bestThreshold(pick(probabilities, validation), truth(validation)) : 0.5;
  return {
    training: on(training, threshold),
    validation: on(validation, threshold),
    validationAtHalf: on(validation, 0.5),
    threshold,
  };
}

/** The float32 head's logits, in float64. */
function logitsOf(features: FloatArray, E: number, { weight, bias }: Pick<Head, 'weight' | 'bias'>): Float64Array {
  const K = bias.shape[0],
    N = features.length / E;
  const logits = new Float64Array(N * K);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      let sum = 0;
      for (let j = 0; j < E; j++) sum += features[n * E + j] * weight.data[k * E + j];
      logits[n * K + k] = sum + bias.data[k];
    }
  }
  return logits;
}

/** Whether every row has length 1 within the rounding of half precision. */
function isNormalized(features: FloatArray, E: number): boolean {
  for (let at = 0; at < features.length; at += E) {
    let square = 0;
    for (let j = at; j < at + E; j++) square += features[j] * features[j];
    if (Math.abs(square - 1) > 0.004) return false;
  }
  return true;
}

/** Of several intercepts only the differences matter; the sum is made 0, as where the optimiser began. */
function centred(intercepts: Float64Array): Float64Array {
  if (intercepts.length === 1) return intercepts;
  const mean = intercepts.reduce((sum, b) => sum + b, 0) / intercepts.length;
  return intercepts.map((b) => b - mean);
}

/**
 * scikit-learn's class_weight="balanced": samples / (classes · samples of the class), counted without the samples' own
 * weights.
 */
function weightsOf(
  { weights, balanced = false }: TrainHeadOptions,
  N: number,
  training: Int32Array,
  classOf: Int32Array,
  classes: number,
): Float64Array | null {
  if (weights === undefined && !balanced) return null;
  const result = weights === undefined ? new Float64Array(N).fill(1) : Float64Array.from(weights);
  if (balanced) {
    const factors = Array.from(
      { length: classes },
      (_, k) => training.length / (classes * count(training, classOf, k)),
    );
    for (let n = 0; n < N; n++) result[n] *= factors[classOf[n]];
  }
  return result;
}

function checkFeatures(features: Tensor): { data: FloatArray; N: number; E: number } {
  const kind = features?.data;
  if (!(kind instanceof Float32Array || kind instanceof Float64Array))
    throw new TypeError(
      'trainHead: "features" expected an ndarray over a Float32Array or Float64Array, got something else; make ' +
        'it with encodeImage',
    );
  if (features.shape.length !== 2 || features.size === 0)
    throw new RangeError(
      `trainHead: "features" expected shape (N,E), got (${features.shape.join(', ')}); give one row per sample`,
    );
  const [N, E] = features.shape;
  const data = flat(features);
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new RangeError(
      `trainHead: "features" expected finite numbers, got ${data[at]} in row ${Math.floor(at / E)}, column ` +
        `${at % E}; leave out the samples that failed`,
    );
  return { data, N, E };
}

function checkOptions(
  { C, l2, validation = 0, seed = 0, weights, tolerance = 1, maxIterations = 1, classes }: TrainHeadOptions,
  N: number,
): void {
  const wrong = (name: string, expected: string, value: unknown): RangeError =>
    new RangeError(`trainHead: "${name}" expected ${expected}, got ${String(value)}`);
  const positive = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < Infinity;
  if (C !== undefined && l2 !== undefined)
    throw new RangeError('trainHead: expected either "C" or "l2", got both; leave one out');
  if (C !== undefined && !positive(C)) throw wrong('C', 'a positive number', C);
  if (l2 !== undefined && !positive(l2)) throw wrong('l2', 'a positive number', l2);
  if (!(validation >= 0 && validation < 1)) throw wrong('validation', 'a share from 0 to below 1', validation);
  if (!(Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff))
    throw wrong('seed', 'a whole number from 0 to 4294967295', seed);
  if (!positive(tolerance)) throw wrong('tolerance', 'a positive number', tolerance);
  if (!(Number.isInteger(maxIterations) && maxIterations > 0))
    throw wrong('maxIterations', 'a whole number of at least 1', maxIterations);
  if (
    classes !== undefined &&
    !(Array.isArray(classes) && classes.every((name) => typeof name === 'string' && name !== ''))
  )
    throw new TypeError(
      'trainHead: "classes" expected a list of names, got something else; leave it out to have them sorted',
    );
  if (weights === undefined) return;
  if (weights.length !== N)
    throw new RangeError(
      `trainHead: "weights" expected ${N}, one per row of the features, got ${weights.length}; give each row its own`,
    );
  const bad = Array.from(weights).findIndex((weight) => !positive(weight));
  if (bad >= 0)
    throw new RangeError(
      `trainHead: "weights" expected positive numbers, got ${weights[bad]} at ${bad}; leave the sample out instead`,
    );
}

const count = (rows: Int32Array, classOf: Int32Array, k: number): number =>
  rows.reduce((sum, row) => sum + (classOf[row] === k ? 1 : 0), 0);

const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

const largest = (x: Float64Array, length: number): number => {
  let most = 0;
  for (let i = 0; i < length; i++) most = Math.max(most, Math.abs(x[i]));
  return most;
};
