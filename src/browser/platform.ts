// What decoding pictures needs of a browser: files over the network and DecompressionStream.

import type { Platform } from '../clip/image/platform.ts';
import { fetchBlob } from './fetch.ts';
import { unpack } from './unpack.ts';

export const nodePlatform: Platform = {
  async readFile(path) {
    return new Uint8Array(await (await fetchBlob(path, 'a picture', { cache: false })).arrayBuffer());
  },

  // The decoder's own JavaScript fetches it from beside itself: bundlers see to that, and import maps.
  compileDecoder: () => Promise.resolve(null),

  inflate: (compressed, limit) => unpack('deflate', compressed, limit),
};
