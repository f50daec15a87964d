// Small text files that options name: labels, paths.

import { textOfFile } from '../formats/text-of-file.ts';
import { CommandError } from './errors.ts';

/**
 * A file's text, without a byte order mark.
 * @param option that names the file, for the message
 * @param remedy the message's end
 * @throws CommandError if it cannot be read
 */
export async function readTextFile(file: string, option: string, remedy: string): Promise<string> {
  const text = await textOfFile(file).catch((error: Error) => {
    const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
    throw code === undefined ? error : new CommandError(`${option} cannot read ${file} (${code}); ${remedy}`);
  });
  return text.replace(/^\uFEFF/, '');
}

/** The lines of a text; the last one may end or not. */
export function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}
