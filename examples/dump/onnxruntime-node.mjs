// A trace from onnxruntime-node.
//
//   node onnxruntime-node.mjs model.onnx image.f32 dump.safetensors
//
// image.f32: the pixels (1,3,R,R) as float32, as your preprocessing makes them.

import { readFileSync, writeFileSync } from 'node:fs';
import ort from 'onnxruntime-node';
import { exposeOutputs } from './expose-outputs.mjs';
import { safetensors } from './safetensors.mjs';

const [modelFile, imageFile, dumpFile] = process.argv.slice(2);

// The graph with all modules' outputs, beside the original: it finds its parameters there if they are in files of their
// own.
const { model, modules } = exposeOutputs(readFileSync(modelFile));
const tracedFile = modelFile.replace(/\.onnx$/, '.traced.onnx');
writeFileSync(tracedFile, model);

const session = await ort.InferenceSession.create(tracedFile);
const pixels = new Float32Array(new Uint8Array(readFileSync(imageFile)).buffer);
const side = Math.round(Math.sqrt(pixels.length / 3));
const image = new ort.Tensor('float32', pixels, [1, 3, side, side]);
const values = await session.run({ [session.inputNames[0]]: image });

const tensors = { image };
for (const [module, value] of modules) tensors[module] = values[value];
writeFileSync(dumpFile, '');
for (const part of safetensors(tensors)) writeFileSync(dumpFile, part, { flag: 'a' });
