// A dump as a folder: one .npy per tensor, the file's name is the tensor's. Files are open only while they are read.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readError } from '../errno.ts';
import { limits, raise } from '../limits.ts';
import type { Dump } from './dump.ts';
import { DumpFile } from './dump-file.ts';
import { MAX_METADATA_BYTES, METADATA_FILE, parseMetadata } from './metadata.ts';
import { missingTensor } from './missing.ts';
import { decodeNpy, NPY_HEADER_BYTES, npyHeader, type NpyHeader } from '../npy.ts';

/** @throws Error in one sentence if the folder cannot be read or holds no arrays, or an array's header is damaged */
export async function npyFolderDump(folder: string): Promise<Dump> {
  const files = listFolder(folder);
  const names = files.filter((file) => file.endsWith('.npy')).sort();
  if (names.length === 0) throw noArrays(folder, files);
  if (names.length > limits().files)
    throw new Error(
      `"${folder}" has ${names.length} arrays, more than is allowed; dump fewer layers, or ${raise('files')}`,
    );
  const headers = new Map<string, NpyHeader>();
  for (const file of names) {
    headers.set(
      file.slice(0, -4),
      await withFile(join(folder, file), (open) =>
        npyHeader(open.bytes(0, Math.min(open.size, NPY_HEADER_BYTES)), open.size, `"${open.name}"`),
      ),
    );
  }
  let closed = false;
  return {
    path: folder,
    format: 'npy folder',
    metadata: files.includes(METADATA_FILE) ? readMetadata(join(folder, METADATA_FILE)) : {},
    tensors: new Map([...headers].map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
    read(name) {
      if (closed) throw new Error(`"${folder}" is closed: open the dump again to read from it`);
      const known = headers.get(name);
      if (known === undefined) throw missingTensor(folder, name, headers.keys());
      const path = join(folder, `${name}.npy`);
      const file = new DumpFile(path);
      try {
        const header = npyHeader(file.bytes(0, Math.min(file.size, NPY_HEADER_BYTES)), file.size, `"${path}"`);
        if (header.dtype !== known.dtype || header.shape.join() !== known.shape.join())
          throw new Error(
            `"${path}" has changed since the dump was opened; open it again when no program writes to it`,
          );
        return decodeNpy(file.bytes(header.start, file.size - header.start), header, `"${path}"`);
      } finally {
        void file.close(); // closed at once; the promise is the interface's
      }
    },
    close() {
      closed = true;
      return Promise.resolve();
    },
  };
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw readError(folder, error);
  }
}

async function withFile<T>(path: string, use: (file: DumpFile) => T): Promise<T> {
  const file = new DumpFile(path);
  try {
    return use(file);
  } finally {
    await file.close();
  }
}

function readMetadata(path: string): Record<string, string> {
  const { size } = statSync(path);
  if (size > MAX_METADATA_BYTES)
    throw new Error(`"${path}" has ${size} bytes, more than the description of any dump; is it another file?`);
  return parseMetadata(readFileSync(path, 'utf8'), `"${path}"`);
}

function noArrays(folder: string, files: readonly string[]): Error {
  const dump = files.find((file) => /\.(safetensors|npz)$/.test(file));
  return new Error(
    `"${folder}" expected a folder of .npy files, got ${files.length === 0 ? 'an empty one' : 'none of them'}; ` +
      `${dump === undefined ? 'name a dump' : `name the file, such as ${join(folder, dump)}`}`,
  );
}
