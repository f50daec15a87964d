// Images through the pipeline with a terminal around it: finding inputs, progress, reports of failures.

import type { Loaded, Sink, Source } from '../features/pipeline.ts';
import { CommandError, OK, SOME_FAILED } from './errors.ts';
import type { ImageOptions } from './options.ts';
import { Progress } from './terminal/progress.ts';

/**
 * Finds the inputs, before a gigabyte of weights is read. A list on standard input is read as it comes.
 * @throws CommandError if there are none; ArgumentError for an --input without such a tensor
 */
export async function openSource(images: readonly string[], { input, precision }: ImageOptions): Promise<Source> {
  if (input === undefined && images.length === 0)
    throw new CommandError(
      'expected an image, a folder or - (a list on standard input), got nothing; name one, or give --input ' +
        'FILE.safetensors',
    );
  if (input !== undefined && images.length > 0)
    throw new CommandError('expected either images or --input, got both; leave one out');
  if (input !== undefined)
    return { tensor: await (await import('../features/tensor-input.ts')).readTensorInput(input, precision) };
  return (await import('../features/pipeline.ts')).imageSource(images, process.stdin);
}

/**
 * Sends every input through the image tower and its feature to the sink, in input order, with a progress bar.
 * @returns how many inputs there were and how many failed
 * @throws CommandError if the list on standard input was empty
 */
export async function runImages(
  source: Source,
  options: ImageOptions,
  loaded: Loaded,
  sink: Sink,
): Promise<{ count: number; failed: number }> {
  const { embedImages } = await import('../features/pipeline.ts');
  // Lines that appear on the same terminal are the progress.
  const quiet = options.quiet || (process.stdout.isTTY && options.out === undefined);
  const done = await withProgress({ unit: 'images', quiet }, (onProgress) =>
    embedImages(source, loaded, sink, {
      pipeline: options.pipeline,
      batch: options.batch,
      normalize: options.normalize,
      onProgress,
    }),
  );
  if (done.count === 0) throw new CommandError('the list on standard input is empty; nothing was done');
  return done;
}

/** A progress bar during `use`. */
export async function withProgress<T>(
  options: { unit: string; quiet: boolean | undefined },
  use: (onProgress: (progress: { done: number; total: number | null }) => void) => Promise<T>,
): Promise<T> {
  const bar = await Progress.create({ total: null, ...options });
  try {
    return await use(({ done, total }) => bar.update(done, total));
  } finally {
    bar.stop();
  }
}

/** Reports on standard error that some images failed. @returns the exit code */
export function exitCodeOf({ count, failed }: { count: number; failed: number }, quiet: boolean | undefined): number {
  if (failed > 0 && !quiet)
    process.stderr.write(
      `clip-oracle: ${failed} of ${count} ${count === 1 ? 'image' : 'images'} failed; ` +
        `${failed === 1 ? 'its "error" says' : 'their "error" says'} why\n`,
    );
  return failed > 0 ? SOME_FAILED : OK;
}

/** Reports a failed image where the output has no place for the reason. */
export function reportFailure(path: string, error: string): void {
  process.stderr.write(`clip-oracle: ${error.startsWith(path) ? error : `${path}: ${error}`}\n`);
}
