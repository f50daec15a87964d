// One measurement in a fresh process: load a model, verify its features, time the forward passes, report as one line of
// JSON.
// Started by measure.ts; by hand: node dist/bench/child.js
// '{"engine":"clip-oracle","model":"RN50","weights":"synthetic:0","executor":"reference","threads":1,"batch":1,"repeat":3}'

import { MODELS } from '../src/clip/models.ts';
import { parameterCounts } from '../src/clip/sizes.ts';
import { syntheticImage } from '../src/clip/weights/synthetic.ts';
import { digestOf } from './digest.ts';
import { ENGINES } from './engine.ts';
import type { Measurement, Result } from './measurement.ts';
import { expectedFeatures } from './golden.ts';
import { repeatedBatch } from './inputs.ts';

async function main(measurement: Measurement): Promise<Result> {
  const { engine, model, batch, repeat, seconds = Infinity } = measurement;
  const entry = MODELS.find(({ name }) => name === model);
  if (entry === undefined)
    throw new RangeError(`bench: unknown model ${model}; expected one of ${MODELS.map(({ name }) => name).join(', ')}`);
  const encoder = await (await ENGINES[engine]()).open(measurement);
  const loaded = performance.now();
  const images = repeatedBatch(syntheticImage(0, 1, entry.vision.resolution), batch);
  const start = performance.now();
  const features = await encoder.encode(images, batch);
  const answered = performance.now();
  const errors = verify(measurement, features);
  const steady: number[] = [];
  while (steady.length < repeat && (steady.length === 0 || performance.now() - answered < 1000 * seconds)) {
    const begin = performance.now();
    await encoder.encode(images, batch);
    steady.push((performance.now() - begin) / 1000);
  }
  await encoder.close();
  return {
    ...measurement,
    ...errors,
    version: encoder.version,
    node: process.version,
    load: loaded / 1000,
    first: (answered - start) / 1000,
    toFirst: answered / 1000,
    steady,
    digest: digestOf(features.subarray(0, features.length / batch)),
    peak: process.resourceUsage().maxRSS * 1024,
    weightBytes: 4 * parameterCounts(entry).vision,
  };
}

/**
 * @throws Error if a feature of an image is too far from the truth: for us by the largest difference, for others, who
 * promise less, by the relative RMS error
 */
function verify(
  { engine, model, batch, residency }: Measurement,
  features: Float32Array,
): { error: number; pytorchError: number } {
  const expected = expectedFeatures(model);
  const width = features.length / batch;
  // Weights that were rounded to half precision have no golden features: near the truth of the others, and main.ts
  // compares bits among the residencies.
  const rounded = residency !== undefined;
  let worst = 0;
  for (let n = 0; n < batch; n++) {
    const row = features.subarray(n * width, (n + 1) * width);
    const error = expected.error(row);
    const bound = rounded ? 0.01 : Math.max(4 * expected.pytorch.error, 1e-5);
    if (!(error <= bound))
      throw new Error(
        `features of image ${n} have a relative RMS error of ${error} against float64, more than ${bound}; not ` +
          'timed, because they are wrong',
      );
    const difference = expected.difference(row);
    if (engine === 'clip-oracle' && !rounded && !(difference <= 4 * expected.pytorch.difference)) {
      throw new Error(
        `a feature of image ${n} is ${difference} from float64, more than 4 times PyTorch's ` +
          `${expected.pytorch.difference}; not timed, because it is wrong`,
      );
    }
    worst = Math.max(worst, error);
  }
  return { error: worst, pytorchError: expected.pytorch.error };
}

const result = await main(JSON.parse(process.argv[2]) as Measurement);
// Some engines leave threads behind; what they do after the result is not measured.
process.stdout.write(`${JSON.stringify(result)}\n`, () => {
  process.exit(0);
});
