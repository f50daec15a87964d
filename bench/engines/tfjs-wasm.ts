// tfjs-wasm reads no ONNX: the two networks are written here in its own operations, in the form that its kernels are
// fast in (found by measuring): channels last, batch norm folded into the convolution before it, bias and ReLU fused,
// products as one matrix times one matrix that is not transposed (everything else misses XNNPACK). One thread: its
// threads need a browser.

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Encoder } from '../measurement.ts';
import type { Measurement } from '../measurement.ts';
import { readTable, weightFiles } from '../peers/weights.ts';
import { peerFolder, peerVersion, requirePeer } from './peer-package.ts';
import { Layers, type Tf, type Tensor } from './tfjs-layers.ts';
import { modifiedResNet } from './tfjs-resnet.ts';
import { visionTransformer } from './tfjs-vit.ts';

export async function open({ model, threads, weights }: Measurement): Promise<Encoder> {
  if (threads !== 1)
    throw new RangeError(`tfjs-wasm: "threads" expected 1, got ${threads}; it has no more outside a browser`);
  const tf = requirePeer<Tf>('@tensorflow/tfjs');
  requirePeer<{ setWasmPaths(folder: string): void }>('@tensorflow/tfjs-backend-wasm').setWasmPaths(
    `${peerFolder('@tensorflow/tfjs-backend-wasm')}/dist/`,
  );
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs-wasm: the backend did not start; install the peers again');
  await tf.ready();
  const layers = new Layers(tf, parameters(model, weights));
  const forward = model.startsWith('RN') ? modifiedResNet(layers) : visionTransformer(layers);
  return {
    version: peerVersion('@tensorflow/tfjs-backend-wasm'),
    async encode(images, N) {
      const side = Math.round(Math.sqrt(images.length / (3 * N)));
      const features = tf.tidy((): Tensor =>
        forward(tf.transpose(tf.tensor(images, [N, 3, side, side]), [0, 2, 3, 1])),
      );
      const data = await features.data();
      features.dispose();
      return data;
    },
    async close() {},
  };
}

function parameters(model: string, weights: string): Map<string, { data: Float32Array; shape: number[] }> {
  const bytes = readFileSync(weights);
  const table = readTable(weightFiles(model, dirname(weights)).table);
  return new Map(
    table.map(({ name, shape, offset, bytes: length }) => [
      name,
      { data: new Float32Array(bytes.buffer, bytes.byteOffset + offset, length / 4), shape },
    ]),
  );
}
