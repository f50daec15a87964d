// `#host/pictures` in browsers: files over the network; decoders are found by their own JavaScript.

import type { PictureHost } from '../../clip/image/picture-host.ts';
import { limits, raise } from '../../formats/limits.ts';
import { fetchBlob } from '../fetch.ts';

export const host: PictureHost = {
  async readFile(path) {
    const blob = await fetchBlob(path, 'a picture', { cache: false });
    if (blob.size > limits().imageBytes)
      throw new Error(`"${path}" has ${blob.size} bytes, more than any picture; ${raise('imageBytes')}`);
    return new Uint8Array(await blob.arrayBuffer());
  },

  // The decoder's own JavaScript fetches it from beside itself: bundlers see to that, and import maps.
  compileDecoder: () => Promise.resolve(null),
};
