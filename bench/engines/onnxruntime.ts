// onnxruntime, in WebAssembly (fixed-width SIMD, its threads are Node's worker threads) and as native code. Both read
// the same ONNX graph, whose parameters lie outside it in NAME.weights; every other option is the runtime's default
// (all graph optimisations on).

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Encoder, Engine } from '../measurement.ts';
import { weightFiles } from '../peers/weights.ts';
import { peerFolder, peerVersion, requirePeer } from './peer-package.ts';

interface Tensor {
  data: Float32Array;
}
interface Session {
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}
interface Runtime {
  env: { wasm: { numThreads: number; wasmPaths: string } };
  Tensor: new (type: 'float32', data: Float32Array, shape: number[]) => Tensor;
  InferenceSession: { create(model: string | Uint8Array, options: Record<string, unknown>): Promise<Session> };
}

export const onnxruntimeWeb: Engine = {
  async open({ model, threads, weights }) {
    const ort = requirePeer<Runtime>('onnxruntime-web');
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = `${peerFolder('onnxruntime-web')}/dist/`;
    const { onnx } = weightFiles(model, dirname(weights));
    // WebAssembly has no files: the parameters are handed over as bytes.
    const externalData = [{ path: basename(weights), data: readFileSync(weights) }];
    const session = await ort.InferenceSession.create(readFileSync(onnx), {
      executionProviders: ['wasm'],
      externalData,
    });
    return encoder(ort, session, peerVersion('onnxruntime-web'));
  },
};

export const onnxruntimeNode: Engine = {
  async open({ model, threads, weights }) {
    const ort = requirePeer<Runtime>('onnxruntime-node');
    // The native runtime finds the parameters beside the graph.
    const { onnx } = weightFiles(model, dirname(weights));
    const session = await ort.InferenceSession.create(join(onnx), { intraOpNumThreads: threads, interOpNumThreads: 1 });
    return encoder(ort, session, peerVersion('onnxruntime-node'));
  },
};

function encoder(ort: Runtime, session: Session, version: string): Encoder {
  return {
    version,
    async encode(images, N) {
      const side = Math.round(Math.sqrt(images.length / (3 * N)));
      const { features } = await session.run({ image: new ort.Tensor('float32', images, [N, 3, side, side]) });
      return features.data;
    },
    close: () => session.release(),
  };
}
