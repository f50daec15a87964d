// Opens an adapter: a path to its tensors and, beside them, its configuration.

import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readError } from '../../formats/errno.ts';
import { parseObject } from '../../formats/json.ts';
import { openTensorFile } from '../../formats/open.ts';
import { textOfFile } from '../../formats/text-of-file.ts';
import { adapterName, checkHints, type AdapterFile, type AdapterHints } from './adapter-file.ts';

/** A file or folder, or one with what the file does not say. */
export type AdapterSource = string | AdapterDescription;

export interface AdapterDescription extends AdapterHints {
  /** PEFT: the folder, or adapter_model.safetensors (or .bin) in it; CLIP-LoRA and loralib: the file. */
  readonly path: string;
}

/**
 * @returns the open file, to be closed by its owner
 * @throws TypeError, RangeError for options; Error in one sentence if it cannot be read
 */
export async function openAdapter(source: AdapterSource): Promise<AdapterFile> {
  const { path, ...hints } = typeof source === 'string' ? { path: source } : (source ?? {});
  if (typeof path !== 'string' || path === '')
    throw new TypeError(
      'load: "adapter" expected a path, { path, name?, alpha?, enableLora? }, or a list of these; name the ' +
        'file or folder of an adapter',
    );
  checkHints(hints);
  const { folder, file } = await place(path);
  const config = await configOf(folder);
  const name = (hints as AdapterHints).name ?? adapterName(resolve(path));
  return { name, origin: path, tensors: await openTensorFile(file), config, hints };
}

async function place(path: string): Promise<{ folder: string; file: string }> {
  const stats = await stat(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  if (!stats.isDirectory()) return { folder: dirname(path), file: path };
  for (const name of ['adapter_model.safetensors', 'adapter_model.bin']) {
    const file = join(path, name);
    if (
      await stat(file).then(
        () => true,
        () => false,
      )
    )
      return { folder: path, file };
  }
  throw new Error(
    `"${path}" expected a folder with adapter_model.safetensors, got none; name the folder of a PEFT adapter, ` +
      'or the file of another one',
  );
}

async function configOf(folder: string): Promise<Record<string, unknown> | null> {
  const path = join(folder, 'adapter_config.json');
  const text = await textOfFile(path).catch((error: Error) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : parseObject(text, `"${path}"`);
}
