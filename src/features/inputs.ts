// The images that a list of arguments stands for: files, folders (walked in sorted order) and `-` (a list of paths).

import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isPicture } from '../clip/image/sniff.ts';
import { limits, raise } from '../formats/limits.ts';
import { linesFrom } from '../formats/lines.ts';
import { SIGNATURE_BYTES } from '../formats/signatures.ts';
import { PassedOver } from './passed-over.ts';

/** The endings of images. */
export const IMAGE_NAME = /\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?)$/i;

/** One input: a path, or a path that turned out unreadable before it was opened as an image. */
export interface InputPath {
  path: string;
  error?: string;
}

/** Whether the number of inputs is unknown before they are read, which it is with a list of paths. */
export const isEndless = (images: readonly string[]): boolean => images.includes('-');

/**
 * The paths that the arguments stand for, in their order. A file that is named itself is taken whatever its name; in
 * folders a file counts whose name ends as an image's does, or whose first bytes are an image's. A path that does not
 * exist is passed on: opening it gives its own error.
 * @param images files, folders, or `-` for the paths in `list`
 * @param list paths, one per line
 * @param passedOver counts the files of folders that are no images
 * @param end what ends a path of the list: '\n', or '\0' as `find -print0` writes it
 * @throws Error for a folder without images, or `-` without a list
 */
export async function* inputPaths(
  images: readonly string[],
  list: NodeJS.ReadableStream | null = null,
  passedOver = new PassedOver(),
  end: '\n' | '\0' = '\n',
): AsyncGenerator<InputPath> {
  let fromList = false;
  for (const image of images) {
    if (image !== '-') {
      yield* expand(image, passedOver);
      continue;
    }
    if (list === null) throw new Error('"-" stands for a list of paths, and there is none; name files or folders');
    if (fromList) throw new Error('"-" stands for standard input and can be given once');
    fromList = true;
    for await (const line of linesFrom(list, 'standard input', end)) {
      if ((end === '\n' ? line.trim() : line) !== '') yield* expand(line, passedOver);
    }
  }
}

async function* expand(path: string, passedOver: PassedOver): AsyncGenerator<InputPath> {
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory()) {
    yield { path };
    return;
  }
  const here = new PassedOver();
  let count = 0;
  for await (const input of walk(path, new Set(), here)) {
    count++;
    yield input;
  }
  passedOver.addAll(here);
  if (count === 0)
    throw new Error(
      `the folder ${path} holds no JPEG, PNG, WebP, GIF, BMP or TIFF; name another folder or a file` +
        (here.count === 0 ? '' : ` (${here.text()})`),
    );
}

/** Files below a folder, sorted by name in each; linked folders are followed unless they lead back. */
async function* walk(folder: string, above: ReadonlySet<string>, passedOver: PassedOver): AsyncGenerator<InputPath> {
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
    if (found?.isDirectory()) yield* walk(path, new Set([...above, real]), passedOver);
    else if (IMAGE_NAME.test(name)) yield { path };
    else {
      const begin = found?.isFile() ? await beginningOf(path) : new Uint8Array(0);
      if (isPicture(begin)) yield { path };
      else passedOver.add(name, begin);
    }
  }
}

/** The first bytes of a file; none if it cannot be read. */
async function beginningOf(path: string): Promise<Uint8Array> {
  const file = await open(path).catch(() => null);
  if (file === null) return new Uint8Array(0);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch {
    return new Uint8Array(0);
  } finally {
    await file.close();
  }
}
