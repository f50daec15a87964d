// The images that a list of arguments stands for: files, folders (walked in sorted order) and `-` (a list of paths).

import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { limits, raise } from '../formats/limits.ts';
import { linesFrom } from '../formats/lines.ts';

/** The endings of images. */
export const IMAGE_NAME = /\.(?:jpe?g|png|webp)$/i;

/** One input: a path, or a path that turned out unreadable before it was opened as an image. */
export interface InputPath {
  path: string;
  error?: string;
}

/** Whether the number of inputs is unknown before they are read, which it is with a list of paths. */
export const isEndless = (images: readonly string[]): boolean => images.includes('-');

/**
 * The paths that the arguments stand for, in their order. A file that is named itself is taken whatever its name; in
 * folders only .jpg, .jpeg, .png and .webp count. A path that does not exist is passed on: opening it gives its own
 * error.
 * @param images files, folders, or `-` for the paths in `list`
 * @param list paths, one per line
 * @throws Error for a folder without images, or `-` without a list
 */
export async function* inputPaths(
  images: readonly string[],
  list: NodeJS.ReadableStream | null = null,
): AsyncGenerator<InputPath> {
  let fromList = false;
  for (const image of images) {
    if (image !== '-') {
      yield* expand(image);
      continue;
    }
    if (list === null) throw new Error('"-" stands for a list of paths, and there is none; name files or folders');
    if (fromList) throw new Error('"-" stands for standard input and can be given once');
    fromList = true;
    for await (const line of linesFrom(list, 'standard input')) {
      if (line.trim() !== '') yield* expand(line);
    }
  }
}

async function* expand(path: string): AsyncGenerator<InputPath> {
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory()) {
    yield { path };
    return;
  }
  let count = 0;
  for await (const input of walk(path, new Set())) {
    count++;
    yield input;
  }
  if (count === 0)
    throw new Error(`the folder ${path} holds no .jpg, .jpeg, .png or .webp file; name another folder or a file`);
}

/** Files below a folder, sorted by name in each; linked folders are followed unless they lead back. */
async function* walk(folder: string, above: ReadonlySet<string>): AsyncGenerator<InputPath> {
  let names: string[], real: string;
  try {
    real = await realpath(folder);
    if (above.has(real)) return;
    names = (await readdir(folder)).sort();
  } catch (error) {
    yield {
      path: folder,
      error: `cannot read the folder (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); check its permissions`,
    };
    return;
  }
  if (names.length > limits().files) {
    yield {
      path: folder,
      error: `the folder has ${names.length} files, more than is allowed; give parts of it, or ${raise('files')}`,
    };
    return;
  }
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found?.isDirectory()) yield* walk(path, new Set([...above, real]));
    else if (IMAGE_NAME.test(name)) yield { path };
  }
}
