// clip-oracle embed: one line per image with its feature.

import { OK, SOME_FAILED } from '../errors.ts';
import { checkEnding, featureOutput, type FeatureOutput } from '../../features/write.ts';
import type { ImageOptions } from '../options.ts';
import { AtomicFile } from '../../formats/atomic-file.ts';
import { loadModel, openSource, runImages, summary } from '../../features/pipeline.ts';

/** @returns the exit code */
export async function embed(images: string[], options: ImageOptions): Promise<number> {
  checkEnding(options.out);
  const source = await openSource(images, options);
  const binary = /\.(?:npy|safetensors)$/i.test(options.out ?? '');
  // The file before the model: a wrong name should not cost the reading of a gigabyte.
  const file = options.out === undefined ? null : await AtomicFile.create(options.out);
  try {
    const loaded = await loadModel(options);
    try {
      const { name: model, weights, architecture } = loaded.model;
      const output = featureOutput(
        file,
        options.out,
        {
          model,
          weights,
          adapter: options.adapter,
          resolution: options.resolution,
          pipeline: options.input === undefined ? options.pipeline : null,
        },
        architecture.embed,
        options.precision,
      );
      const done = await runImages(source, options, loaded, binary ? withMessages(output) : output);
      await output.finish();
      if (done.failed > 0 && !options.quiet && !binary) process.stderr.write(`clip-oracle: ${summary(done)}\n`);
      return done.failed > 0 ? SOME_FAILED : OK;
    } finally {
      await loaded.model.close();
    }
  } catch (error) {
    await file?.discard();
    throw error;
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
