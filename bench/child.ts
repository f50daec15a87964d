// One measurement in a fresh process: load a model, verify its features, time the forward passes, report as one line of JSON.
// Started by main.ts; by hand: node dist/bench/child.js '{"model":"RN50","executor":"reference","threads":1,"batch":1,"repeat":3}'

import { load, type ExecutorName } from '../src/clip/index.ts';
import { parameterCounts } from '../src/clip/sizes.ts';
import { syntheticImage } from '../src/clip/checkpoint/synthetic.ts';
import type { Tensor } from '../src/ops/tensor.ts';
import { expectedFeatures } from './golden.ts';
import { repeatedBatch } from './inputs.ts';

export interface Measurement {
  model: string;
  executor: ExecutorName;
  threads: number;
  batch: number;
  repeat: number;
}

export interface Result extends Measurement {
  /** Seconds from the start of the process to the loaded model. */
  load: number;
  /** Seconds of the first forward pass. */
  first: number;
  /** Seconds of the following ones. */
  steady: number[];
  /** Highest resident memory of the process, bytes. */
  peak: number;
  /** Resident memory's lower bound: the image tower's parameters as float32, bytes. */
  weights: number;
  /** How the features were verified before any time counted. */
  verified: string;
}

async function main(measurement: Measurement): Promise<Result> {
  const { model: name, executor, threads, batch, repeat } = measurement;
  const { model } = await load(name, { weights: 'synthetic:0', executor, threads });
  const loaded = performance.now();
  const { resolution } = model.architecture.vision;
  const image = repeatedBatch(syntheticImage(0, 1, resolution), batch);
  const features = await model.encodeImage(image);
  const first = performance.now() - loaded;
  const verified = verify(name, features, batch);
  const steady: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const start = performance.now();
    await model.encodeImage(image);
    steady.push((performance.now() - start) / 1000);
  }
  await model.close();
  const weights = 4 * parameterCounts(model.architecture).vision;
  return { ...measurement, load: loaded / 1000, first: first / 1000, steady, peak: process.resourceUsage().maxRSS * 1024, weights, verified };
}

function verify(name: string, features: Tensor, batch: number): string {
  const expected = expectedFeatures(name);
  const width = features.shape[1];
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < width; i++) {
      const value = features.data[n * width + i];
      if (!expected.accepts(value, i)) throw new Error(`${name}: feature ${i} of image ${n} is ${value}, not ${expected.what}`);
    }
  }
  return expected.what;
}

const result = await main(JSON.parse(process.argv[2]) as Measurement);
process.stdout.write(`${JSON.stringify(result)}\n`);
