// A trace from onnxruntime-web: WebAssembly here, in a browser also WebGPU or WebNN.

import { exposeOutputs } from './expose-outputs.mjs';
import { safetensors } from './safetensors.mjs';

/**
 * @param ort what `import * as ort from 'onnxruntime-web'` gives (`onnxruntime-web/webgpu` for WebGPU)
 * @param {Uint8Array} onnx the model
 * @param {Float32Array} pixels (1,3,R,R), as your preprocessing makes them
 * @param options of the session: { executionProviders: ['webgpu'] }, or parameters that lie outside the model: {
 *   externalData: [{ path, data }] }
 * @returns {Promise<Uint8Array[]>} the dump: `new Blob(parts)` to save it from a browser
 */
export async function traceOnnxruntimeWeb(ort, onnx, pixels, options = {}) {
  const { model, modules } = exposeOutputs(onnx);
  const session = await ort.InferenceSession.create(model, options);
  const side = Math.round(Math.sqrt(pixels.length / 3));
  const image = new ort.Tensor('float32', pixels, [1, 3, side, side]);
  const values = await session.run({ [session.inputNames[0]]: image });
  const tensors = { image };
  for (const [module, value] of modules)
    tensors[module] = { dims: values[value].dims, data: await values[value].getData() };
  await session.release();
  return safetensors(tensors);
}

/** In a browser: offers the dump as a download. */
export function download(parts, name = 'dump.safetensors') {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = name;
  link.click();
}
