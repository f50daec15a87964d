// Images through the pipeline with a terminal around it: finding inputs, progress, reports of failures.

import type { PassedOver } from '../features/passed-over.ts';
import type { Loaded, Sink, Source } from '../features/pipeline.ts';
import { CommandError, OK, SOME_FAILED } from './errors.ts';
import { pixelOptions, type ImageOptions } from './options.ts';
import { Progress } from './terminal/progress.ts';

/**
 * Finds the inputs, before a gigabyte of weights is read. A list on standard input is read as it comes.
 * @throws CommandError if there are none; ArgumentError for an --input without such a tensor
 */
export async function openSource(
  images: readonly string[],
  { input, precision, null: isNull }: ImageOptions,
): Promise<Source> {
  if (input === undefined && images.length === 0)
    throw new CommandError(
      'expected an image, a folder or - (a list on standard input), got nothing; name one, or give --input ' +
        'FILE.safetensors',
    );
  if (input !== undefined && images.length > 0)
    throw new CommandError('expected either images or --input, got both; leave one out');
  if (input !== undefined)
    return { tensor: await (await import('../features/tensor-input.ts')).readTensorInput(input, precision) };
  return (await import('../features/pipeline.ts')).imageSource(images, process.stdin, isNull ? '\0' : '\n');
}

/**
 * Sends every input through the image tower and its feature to the sink, in input order, with a progress bar.
 * What folders hold besides images is said on standard error.
 * @returns how many inputs there were, how many failed, and how many files were passed over
 * @throws CommandError if the list on standard input was empty
 */
export async function runImages(
  source: Source,
  options: ImageOptions,
  loaded: Loaded,
  sink: Sink,
): Promise<{ count: number; failed: number; passedOver: number }> {
  const { embedImages } = await import('../features/pipeline.ts');
  // Lines that appear on the same terminal are the progress.
  const quiet = options.quiet || (process.stdout.isTTY && options.out === undefined);
  const done = await withProgress({ unit: 'images', quiet }, (onProgress) =>
    embedImages(source, loaded, sink, {
      ...pixelOptions(options),
      batch: options.batch,
      normalize: options.normalize,
      onProgress,
    }),
  );
  if (done.count === 0) throw new CommandError('the list on standard input is empty; nothing was done');
  return { ...done, passedOver: 'tensor' in source ? 0 : reportPassedOver(source.passedOver, options) };
}

/** Says on standard error what folders hold besides images. @returns how many files that is */
export function reportPassedOver(
  passedOver: PassedOver | undefined,
  { quiet, strict }: Pick<ImageOptions, 'quiet' | 'strict'>,
): number {
  if (passedOver === undefined || passedOver.count === 0) return 0;
  if (!quiet || strict)
    process.stderr.write(
      `clip-oracle: ${passedOver.text()}${strict ? '; --strict makes that a failure: leave them out' : ''}\n`,
    );
  return passedOver.count;
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

/** Whether the exit code says that something failed: an image, or with --strict a file that was passed over. */
export const isFailure = (
  { failed, passedOver }: { failed: number; passedOver: number },
  { strict }: Pick<ImageOptions, 'strict'>,
): boolean => failed > 0 || (strict === true && passedOver > 0);

/** Reports on standard error that some images failed. @returns the exit code */
export function exitCodeOf(
  done: { count: number; failed: number; passedOver: number },
  options: Pick<ImageOptions, 'quiet' | 'strict'>,
): number {
  const { count, failed } = done;
  if (failed > 0 && !options.quiet)
    process.stderr.write(
      `clip-oracle: ${failed} of ${count} ${count === 1 ? 'image' : 'images'} failed; ` +
        `${failed === 1 ? 'its "error" says' : 'their "error" says'} why\n`,
    );
  return isFailure(done, options) ? SOME_FAILED : OK;
}

/** Reports a failed image where the output has no place for the reason. */
export function reportFailure(path: string, error: string): void {
  process.stderr.write(`clip-oracle: ${error.startsWith(path) ? error : `${path}: ${error}`}\n`);
}
