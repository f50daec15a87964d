// Texts through the text tower with a terminal around it.

import { createReadStream, existsSync } from 'node:fs';
import type { CLIP } from '../clip/clip.ts';
import type { Sink } from '../features/pipeline.ts';
import { linesFrom } from '../formats/lines.ts';
import { CommandError } from './errors.ts';
import type { ImageOptions } from './options.ts';
import { withProgress } from './run-images.ts';

/** The texts that the options name. */
export interface Texts {
  readonly lines: Iterable<string> | AsyncIterable<string>;
  /** What the message calls them if there are none. */
  readonly name: string;
}

interface TextOptions {
  text?: string;
  textArg?: string[];
}

/**
 * @returns null if images are to be embedded
 * @throws CommandError for texts beside images, or a file that is not there
 */
export async function openTexts(
  images: readonly string[],
  { text, textArg, input, null: isNull }: TextOptions & Pick<ImageOptions, 'input' | 'null'>,
): Promise<Texts | null> {
  if (text === undefined && textArg === undefined) return null;
  const option = text === undefined ? '--text-arg' : '--text';
  if (text !== undefined && textArg !== undefined)
    throw new CommandError('expected either --text or --text-arg, got both; leave one out');
  if (images.length > 0 || input !== undefined)
    throw new CommandError(
      `expected either images or ${option}, got both; embed them one after the other, in two files`,
    );
  if (textArg !== undefined) return { lines: textArg, name: option };
  if (text !== '-' && !existsSync(text!))
    throw new CommandError(
      `--text expected a file with one text a line, or -, got "${text}", which does not exist; give single texts ` +
        'with --text-arg',
    );
  const stream = text === '-' ? process.stdin : createReadStream(text!);
  const name = text === '-' ? 'standard input' : `"${text}"`;
  return { lines: withoutMark(linesFrom(stream, name, isNull ? '\0' : '\n')), name };
}

/** Without a byte order mark. */
async function* withoutMark(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let first = true;
  for await (const line of lines) {
    yield first ? line.replace(/^\uFEFF/, '') : line;
    first = false;
  }
}

/** @param left those of the texts that are not known yet */
export async function runTexts(
  { name }: Texts,
  left: Texts['lines'],
  { normalize, quiet, out }: ImageOptions,
  model: CLIP,
  sink: Sink,
): Promise<{ count: number; failed: number; passedOver: number }> {
  const { embedTexts } = await import('../features/texts.ts');
  // Lines that appear on the same terminal are the progress.
  const silent = quiet || (process.stdout.isTTY && out === undefined);
  const { count } = await withProgress({ unit: 'texts', quiet: silent }, (onProgress) =>
    embedTexts(left, model, sink, { normalize, onProgress }),
  );
  if (count === 0) throw new CommandError(`${name} holds no texts; nothing was done`);
  return { count, failed: 0, passedOver: 0 };
}
