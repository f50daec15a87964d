// The parts of decoding that only Node can do: files, compiling the decoders out of node_modules, zlib.

import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { inflate } from 'node:zlib';
import { limits, raise } from '../../formats/limits.ts';
import type { Platform } from './platform.ts';

declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };

const WASM = { jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', webp: '@jsquash/webp/codec/dec/webp_dec.wasm' };

/** What a person can do about a file that cannot be read. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file; check the path',
  ENOTDIR: 'no such file: a part of the path is a file, not a folder; check the path',
  EISDIR: 'is a folder, not a picture; give its files',
  EACCES: 'may not be read; check its permissions',
  EPERM: 'may not be read; check its permissions',
  ENAMETOOLONG: 'the name is too long; check the path',
  ELOOP: 'its links lead in a circle; check them',
  EMFILE: 'too many open files; raise the limit (ulimit -n) or read fewer at a time',
  ERR_FS_FILE_TOO_LARGE: 'larger than 2 GiB; no picture is',
};

export const nodePlatform: Platform = {
  async readFile(path) {
    try {
      const { size } = await stat(path);
      if (size > limits().imageBytes)
        throw new Error(`${size} bytes are more than any picture has; ${raise('imageBytes')}`);
      return await readFile(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(`${path}: ${REASONS[code ?? ''] ?? message}`, { cause: error });
    }
  },

  async compileDecoder(name) {
    const path = createRequire(import.meta.url).resolve(WASM[name]);
    return await WebAssembly.compile(await readFile(path));
  },

  inflate(compressed, limit) {
    return new Promise((resolve, reject) => {
      inflate(compressed, { maxOutputLength: limit }, (error, result) => {
        if (!error) resolve(result);
        else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') resolve('longer');
        else reject(error);
      });
    });
  },
};
