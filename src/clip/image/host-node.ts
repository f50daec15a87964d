// `#host/pictures` in Node: files, and compiling the decoders out of node_modules.

import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { readReason } from '../../formats/errno.ts';
import { limits, raise } from '../../formats/limits.ts';
import type { PictureHost } from './picture-host.ts';

declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };

const WASM = { jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', webp: '@jsquash/webp/codec/dec/webp_dec.wasm' };

export const host: PictureHost = {
  async readFile(path) {
    try {
      const { size } = await stat(path);
      if (size > limits().imageBytes)
        throw new Error(`${size} bytes are more than any picture has; ${raise('imageBytes')}`);
      return await readFile(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(`${path}: ${code === undefined ? message : readReason(error)}`, { cause: error });
    }
  },

  async compileDecoder(name) {
    const path = createRequire(import.meta.url).resolve(WASM[name]);
    return await WebAssembly.compile(await readFile(path));
  },
};
