// What is measured: an image encoder with the synthetic weights. Each engine is one file of engines/, loaded only by
// the process that measures it.

import type { Measurement } from './child.ts';

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

export const ENGINES: Readonly<Record<EngineName, () => Promise<Engine>>> = {
  'clip-oracle': () => import('./engines/clip-oracle.ts'),
  'onnxruntime-web': async () => (await import('./engines/onnxruntime.ts')).onnxruntimeWeb,
  'onnxruntime-node': async () => (await import('./engines/onnxruntime.ts')).onnxruntimeNode,
  'tfjs-wasm': () => import('./engines/tfjs-wasm.ts'),
};

/** The engines that have one thread only (tfjs-wasm's threads need a browser). */
export const SINGLE_THREADED: readonly string[] = ['tfjs-wasm'];
