// A trace from transformers.js. First give its graph all modules' outputs, beside the original in the model's folder
// (or in the cache of transformers.js):
//
//   node expose-outputs.mjs FOLDER/NAME/onnx/vision_model.onnx FOLDER/NAME/onnx/vision_model_traced.onnx
//   node transformers-js.mjs FOLDER NAME image.f32 dump.safetensors

import { readFileSync, writeFileSync } from 'node:fs';
import { CLIPVisionModelWithProjection, env, Tensor } from '@huggingface/transformers';
import { exposeOutputs } from './expose-outputs.mjs';
import { safetensors } from './safetensors.mjs';

const [folder, name, imageFile, dumpFile] = process.argv.slice(2);
env.localModelPath = folder;
env.allowRemoteModels = false;

const model = await CLIPVisionModelWithProjection.from_pretrained(name, {
  model_file_name: 'vision_model_traced',
  dtype: 'fp32',
  device: 'cpu',
});
// The pixels as your preprocessing makes them; with transformers.js's own: (await processor(await
// load_image(file))).pixel_values
const pixels = new Float32Array(new Uint8Array(readFileSync(imageFile)).buffer);
const side = Math.round(Math.sqrt(pixels.length / 3));
const image = new Tensor('float32', pixels, [1, 3, side, side]);
const values = await model({ [model.sessions.model.inputNames[0]]: image }); // `pixel_values` in Hugging Face's graphs

const { modules } = exposeOutputs(readFileSync(`${folder}/${name}/onnx/vision_model_traced.onnx`));
const tensors = { image };
for (const [module, value] of modules) tensors[module] = values[value];
writeFileSync(dumpFile, '');
for (const part of safetensors(tensors)) writeFileSync(dumpFile, part, { flag: 'a' });
