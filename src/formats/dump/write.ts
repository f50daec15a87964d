// Writes dumps: `.safetensors`, `.npz`, or a folder of `.npy` for any name without an ending. Tensors go to disk as
// they come, under a temporary name; the dump has its own name only once it is whole.

import { NpyFolderWriter } from './npy-folder-writer.ts';
import { NpzWriter } from './npz-writer.ts';
import { SafetensorsDumpWriter } from './safetensors-dump-writer.ts';
import type { DumpWriter } from './dump.ts';

export interface WriteOptions {
  /**
   * The names that will come, if they are known: room for safetensors' header, which precedes the data. More or other
   * names are accepted.
   */
  names?: Iterable<string>;
}

/** The format that a path's ending selects. @throws RangeError for an ending that promises something else */
export function dumpFormat(path: string): 'safetensors' | 'npz' | 'npy folder' {
  const ending = /\.([a-z][a-z0-9]*)\/?$/i.exec(path)?.[1].toLowerCase();
  if (ending === 'safetensors' || ending === 'npz') return ending;
  if (ending !== undefined && OTHER_ENDINGS.has(ending)) {
    throw new RangeError(
      `writeDump: "path" expected a name that ends in .safetensors or .npz, or a folder, got "${path}"; ` +
        `.${ending} is not written`,
    );
  }
  return 'npy folder';
}

const OTHER_ENDINGS = new Set([
  'npy',
  'json',
  'jsonl',
  'csv',
  'txt',
  'pt',
  'pth',
  'bin',
  'h5',
  'zip',
  'gz',
  'png',
  'jpg',
  'jpeg',
  'html',
  'onnx',
]);

/**
 * Begins a dump.
 * @param path replaced if it is a dump already
 * @throws RangeError for an ending that is not written; Error if nothing can be written there
 */
export async function writeDump(path: string, options: WriteOptions = {}): Promise<DumpWriter> {
  const format = dumpFormat(path);
  if (format === 'safetensors') return new SafetensorsDumpWriter(path, options.names);
  return format === 'npz' ? new NpzWriter(path) : new NpyFolderWriter(path);
}
