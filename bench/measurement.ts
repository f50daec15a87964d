// What one measurement is: what is asked of a fresh process, what it reports, and what an engine must do for it.

import type { ExecutorName, Residency } from '../src/index.ts';

/** An encoder that has been loaded. */
export interface Encoder {
  /** Exact version of the engine. */
  version: string;
  /** images (N,3,R,R) in row-major order -> features (N,E) in row-major order */
  encode(images: Float32Array, N: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** An engine reads the weights and makes itself ready; all the time this takes counts as load. */
export interface Engine {
  open(measurement: Measurement): Promise<Encoder>;
}

export type EngineName = 'clip-oracle' | 'onnxruntime-web' | 'onnxruntime-node' | 'tfjs-wasm';

export interface Measurement {
  engine: EngineName;
  model: string;
  /** 'synthetic:0', or a file with those numbers. */
  weights: string;
  /** Of clip-oracle; the other engines have but one. */
  executor: ExecutorName;
  threads: number;
  /** Of clip-oracle, and for weights that are rounded to half precision (half-checkpoint.ts): how it keeps them. */
  residency?: Residency;
  batch: number;
  /** Forward passes after the first. */
  repeat: number;
  /** No further repetition begins after this many seconds. Default: no limit. */
  seconds?: number;
}

export interface Result extends Measurement {
  version: string;
  /** Version of Node that ran it. */
  node: string;
  /** Seconds from the start of the process to the loaded model. */
  load: number;
  /** Seconds of the first forward pass. */
  first: number;
  /** Seconds from the start of the process to the first feature. */
  toFirst: number;
  /** Seconds of the following ones. */
  steady: number[];
  /** Highest resident memory of the process, bytes. */
  peak: number;
  /** Resident memory's lower bound: the image tower's parameters as float32, bytes. */
  weightBytes: number;
  /**
   * Relative RMS error of the features against float64, and PyTorch's float32 one. Within the bound, else nothing is
   * reported.
   */
  error: number;
  pytorchError: number;
  /** Of the first image's features, to compare bits. */
  digest: string;
}
