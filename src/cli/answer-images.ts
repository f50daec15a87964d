// What `classify` and `zero-shot` share: each image's feature becomes a verdict, a row of a table or a JSON line; the
// commands only say how.

import type { CLIP } from '../clip/clip.ts';
import type { Tensor } from '../ops/tensor.ts';
import { OK, SOME_FAILED } from './errors.ts';
import type { Labels } from './class-names.ts';
import { isTable, type AnswerOptions, type ImageOptions } from './options.ts';
import { AtomicFile, standardOutput, type Output } from '../formats/atomic-file.ts';
import { loadModel, runImages, summary, type Source } from '../features/pipeline.ts';
import { verdictLine, verdictTable, type Verdict } from './verdict.ts';

/** The verdict on row `row` of the features (n,E). */
export type Scorer = (features: Tensor, row: number) => Verdict;

/**
 * Answers for every image, in input order.
 * @param scorerOf makes the scorer once the model is there
 * @returns the exit code
 */
export async function answerImages(
  source: Source,
  options: ImageOptions & AnswerOptions,
  labels: Labels | null,
  scorerOf: (model: CLIP) => Promise<Scorer>,
): Promise<number> {
  // The file before the model: a wrong name should not cost the reading of a gigabyte.
  const output: Output = options.out === undefined ? standardOutput : await AtomicFile.create(options.out);
  try {
    const loaded = await loadModel(options);
    try {
      const score = await scorerOf(loaded.model);
      const show = isTable(options)
        ? await verdictTable(labels, options.out === undefined ? process.stdout : null)
        : verdictLine;
      const done = await runImages(source, options, loaded, {
        feature: (path, features, row) => output.write(show({ path, ...score(features, row) })),
        failure: (path, error) => output.write(show({ path, error })),
      });
      await output.finish();
      if (done.failed > 0 && !options.quiet) process.stderr.write(`clip-oracle: ${summary(done)}\n`);
      return done.failed > 0 ? SOME_FAILED : OK;
    } finally {
      await loaded.model.close();
    }
  } catch (error) {
    await output.discard();
    throw error;
  }
}
