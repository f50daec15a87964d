// What training a head takes and returns.

import type { Tensor } from '../../ops/tensor.ts';
import type { Head } from '../../clip/head.ts';
import type { Metrics } from './metrics.ts';
import type { Split } from './split.ts';

export interface TrainHeadOptions {
  /**
   * Inverse strength of the penalty, as in scikit-learn's LogisticRegression: C·Σ loss + ½·Σ W² is minimised. Default
   * 1.
   */
  C?: number;
  /**
   * The penalty instead: the mean loss + l2/2·Σ W² is minimised, so it is what PyTorch's optimisers call weight_decay.
   * C = 1/(l2·samples).
   */
  l2?: number;
  /**
   * The share of each class that is held out to measure on, and to choose the threshold by. Default 0.2; 0 trains on
   * everything.
   */
  validation?: number;
  /** Which samples these are. Default 0. */
  seed?: number;
  /**
   * The classes in the order of the outputs; of two, the second is the one that the head says yes to. Default: sorted.
   */
  classes?: readonly string[];
  /** Positive weights of the samples; a weight of 2 counts the sample twice. Default: 1 each. */
  weights?: ArrayLike<number>;
  /**
   * Weighs the classes as if each had the same number of samples (scikit-learn's class_weight="balanced").
   * Default false.
   */
  balanced?: boolean;
  /** How far weights may be from the optimum's, relatively to the largest. Default 1e-9. */
  tolerance?: number;
  /** Default 1000. */
  maxIterations?: number;
  /** Called after each. */
  onIteration?: (iteration: number) => void;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface TrainedHead extends Head {
  readonly labels: readonly string[];
  /** The same in float64, before they were rounded. */
  readonly exact: { readonly weight: Tensor<Float64Array>; readonly bias: Tensor<Float64Array> };
  readonly report: TrainingReport;
}

export interface TrainingReport {
  /** In the order of the outputs. A head for two has one output, the logit of the second. */
  readonly classes: readonly { readonly name: string; readonly training: number; readonly validation: number }[];
  readonly C: number;
  readonly l2: number;
  /** C·Σ loss + ½·Σ W² at the end, over the training samples. */
  readonly objective: number;
  /** The mean loss of the training samples, without the penalty. */
  readonly loss: number;
  readonly iterations: number;
  readonly evaluations: number;
  /** Of the mean loss + l2/2·Σ W². */
  readonly gradientNorm: number;
  /** No weight is further from the optimum than this (gradientNorm / l2, by strong convexity). */
  readonly distance: number;
  /** false: `maxIterations` were not enough. */
  readonly converged: boolean;
  /** On the samples that it was trained on, at `threshold`. */
  readonly training: Metrics;
  /** On those held out; null without. */
  readonly validation: Metrics | null;
  /** On those held out, at 0.5. Two classes only. */
  readonly validationAtHalf: Metrics | null;
  /** Above which probability the head says yes. Two classes only: most right among those held out; 0.5 without any. */
  readonly threshold: number | null;
  /** Which rows were which. */
  readonly split: Split;
}
