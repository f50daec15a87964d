// Features in a few letters, for comparison among processes.

import { createHash } from 'node:crypto';

/** The first 16 hexadecimal digits of the SHA-256 of the numbers' bits. */
export function digestOf(features: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(features.buffer, features.byteOffset, features.byteLength))
    .digest('hex')
    .slice(0, 16);
}
