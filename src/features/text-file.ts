// Small text files that arguments name: labels, paths, class names.

import { textOfFile } from '../formats/text-of-file.ts';
import { ArgumentError } from './argument-error.ts';

/**
 * Reads a file's text, without a byte order mark.
 * @param argument the argument that names the file, for the message
 * @param remedy the end of the message
 * @throws ArgumentError if it cannot be read
 */
export async function readTextFile(file: string, argument: string, remedy: string): Promise<string> {
  const text = await textOfFile(file).catch((error: Error) => {
    const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
    throw code === undefined
      ? error
      : new ArgumentError(argument, `cannot read ${file} (${code}); ${remedy}`, { cause: error });
  });
  return text.replace(/^\uFEFF/, '');
}

/** The lines of a text; a line feed at the end starts no further line. */
export function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}
