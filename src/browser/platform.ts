// What decoding pictures needs of a browser: files over the network, the decoders' modules, DecompressionStream.

import { NoDecoder, type Platform } from '../clip/image/platform.ts';
import { decoderUrl } from './assets.ts';
import { fetchBlob } from './fetch.ts';
import { unpack } from './unpack.ts';

/** Why a decoder cannot be had, so that not every picture asks for it again. */
const missing = new Map<string, Error>();

export const nodePlatform: Platform = {
  async readFile(path) {
    return new Uint8Array(await (await fetchBlob(path, 'a picture', { cache: false })).arrayBuffer());
  },

  async compileDecoder(name) {
    const known = missing.get(name);
    if (known !== undefined) throw known;
    try {
      const blob = await fetchBlob(decoderUrl(name), 'a decoder (WebAssembly)');
      return await WebAssembly.compile(await blob.arrayBuffer());
    } catch (error) {
      const reason = new NoDecoder(`${error instanceof Error ? error.message : String(error)}; serve the package @jsquash/${name} beside clip-oracle`, { cause: error });
      missing.set(name, reason);
      throw reason;
    }
  },

  inflate: (compressed, limit) => unpack('deflate', compressed, limit),
};
