// What `classify` and `zero-shot` share: each image's feature becomes a verdict, a row of a table or a JSON line; the
// commands only say how.

import type { CLIP } from '../clip/clip.ts';
import type { Source } from '../features/pipeline.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Labels } from './class-names.ts';
import { isTable, type AnswerOptions, type ImageOptions } from './options.ts';
import { exitCodeOf, runImages } from './run-images.ts';
import { verdictLine, verdictTable, type Verdict } from './verdict.ts';
import { withModel } from './with-model.ts';
import { withOutput } from './with-output.ts';

/** The verdict on row `row` of the features (n,E). */
export type Scorer = (features: Tensor, row: number) => Verdict;

/**
 * Answers for every image, in input order.
 * @param scorerOf makes the scorer once the model is loaded
 * @returns the exit code
 */
export async function answerImages(
  source: Source,
  options: ImageOptions & AnswerOptions,
  labels: Labels | null,
  scorerOf: (model: CLIP) => Promise<Scorer>,
): Promise<number> {
  const done = await withOutput(options.out, (output) =>
    withModel(options, async (loaded) => {
      const score = await scorerOf(loaded.model);
      const show = isTable(options)
        ? await verdictTable(labels, options.out === undefined ? process.stdout : null)
        : verdictLine;
      return runImages(source, options, loaded, {
        feature: (path, features, row) => output.write(show({ path, ...score(features, row) })),
        failure: (path, error) => output.write(show({ path, error })),
      });
    }),
  );
  return exitCodeOf(done, options);
}
