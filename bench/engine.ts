// What is measured: an image encoder with the synthetic weights. Each engine is one file of engines/, loaded only by
// the process that measures it.

import type { Engine, EngineName } from './measurement.ts';

export const ENGINES: Readonly<Record<EngineName, () => Promise<Engine>>> = {
  'clip-oracle': () => import('./engines/clip-oracle.ts'),
  'onnxruntime-web': async () => (await import('./engines/onnxruntime.ts')).onnxruntimeWeb,
  'onnxruntime-node': async () => (await import('./engines/onnxruntime.ts')).onnxruntimeNode,
  'tfjs-wasm': () => import('./engines/tfjs-wasm.ts'),
};

/** The engines that have one thread only (tfjs-wasm's threads need a browser). */
export const SINGLE_THREADED: readonly string[] = ['tfjs-wasm'];
