// clip-oracle embed: one line per image with its feature.

import { OK, SOME_FAILED } from './errors.ts';
import { checkEnding, openFeatureOutput, type FeatureOutput } from './feature-output.ts';
import type { ImageOptions } from './options.ts';
import { checkInputs, loadModel, runImages, summary } from './run-images.ts';

/** @returns the exit code */
export async function embed(images: string[], options: ImageOptions): Promise<number> {
  checkInputs(images, options);
  checkEnding(options.out);
  const loaded = await loadModel(options);
  const { name: model, weights, architecture } = loaded.model;
  const binary = /\.(?:npy|safetensors)$/i.test(options.out ?? '');
  try {
    const output = await openFeatureOutput(options.out, { model, weights, pipeline: options.input === undefined ? options.pipeline : null }, architecture.embed, options.precision);
    let done: { count: number; failed: number };
    try {
      done = await runImages(images, options, loaded, binary ? withMessages(output) : output);
      await output.finish();
    } catch (error) {
      await output.discard();
      throw error;
    }
    if (done.failed > 0 && !options.quiet && !binary) process.stderr.write(`clip-oracle: ${summary(done)}\n`);
    return done.failed > 0 ? SOME_FAILED : OK;
  } finally {
    await loaded.model.close();
  }
}

/** Arrays have no place for the reason of a failure: it goes to standard error. */
function withMessages(output: FeatureOutput): Pick<FeatureOutput, 'feature' | 'failure'> {
  return {
    feature: (...row) => output.feature(...row),
    failure: (path, error) => {
      process.stderr.write(`clip-oracle: ${error.startsWith(path) ? error : `${path}: ${error}`}\n`);
      return output.failure(path, error);
    },
  };
}
