// Unpacking in memory with a limit, by Node's zlib: `#host/unpack` (package.json, "imports"). In browsers it is
// src/browser/host/unpack.ts.

import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';

const unpackers = { gzip: promisify(gunzip), deflate: promisify(inflate), 'deflate-raw': promisify(inflateRaw) };

/**
 * The bytes unpacked, or 'longer' as soon as they would be more than `limit`. @throws Error if they are damaged or cut
 * off
 */
export async function unpack(
  format: 'gzip' | 'deflate' | 'deflate-raw',
  packed: Uint8Array,
  limit: number,
): Promise<Uint8Array | 'longer'> {
  try {
    return await unpackers[format](packed, { maxOutputLength: Math.max(1, limit) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return 'longer';
    throw error;
  }
}
