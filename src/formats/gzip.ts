// gzip, in memory and with a limit: the bundled weights are compressed.

import { unpack } from '#host/unpack';
import type { ByteSource } from './byte-source.ts';
import { limits } from './limits.ts';

/**
 * Larger weights are better stored unpacked, so that they can be read in place.
 * @throws Error if the bytes are not a valid gzip stream or unpack to more than the limit
 */
export async function gunzip(source: ByteSource): Promise<Uint8Array> {
  const limit = limits().gzipBytes;
  const tooLarge = (): Error =>
    new Error(
      `"${source.name}" unpacks to more than ${Math.floor(limit / 1048576)} MB; unpack it with gunzip and name ` +
        'the unpacked file',
    );
  if (source.size > limit) throw tooLarge();
  const packed = new Uint8Array(source.size);
  await source.read(packed, 0);
  let unpacked: Uint8Array | 'longer';
  try {
    unpacked = await unpack('gzip', packed, limit);
  } catch (error) {
    throw new Error(`"${source.name}" is not a valid gzip file; copy or download it again`, { cause: error });
  }
  if (unpacked === 'longer') throw tooLarge();
  return unpacked;
}
