// gzip, in memory and with a limit: the bundled weights are compressed.

import type { ByteSource } from './byte-source.ts';
import { unpack } from './unpack-node.ts';

/** Far above the bundled models (8 MB), far below what would hurt. Larger weights are better kept unpacked, so that they can be read in place. */
export const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

/** @throws Error if the bytes are no sound gzip stream or unpack to more than the limit */
export async function gunzip(source: ByteSource): Promise<Uint8Array> {
  const tooLarge = (): Error => new Error(`"${source.name}" unpacks to more than ${MAX_UNPACKED_BYTES >> 20} MB; unpack it with gunzip and name the unpacked file`);
  if (source.size > MAX_UNPACKED_BYTES) throw tooLarge();
  const packed = new Uint8Array(source.size);
  await source.read(packed, 0);
  let unpacked: Uint8Array | 'longer';
  try {
    unpacked = await unpack('gzip', packed, MAX_UNPACKED_BYTES);
  } catch (error) {
    throw new Error(`"${source.name}" is no sound gzip file; copy or download it again`, { cause: error });
  }
  if (unpacked === 'longer') throw tooLarge();
  return unpacked;
}
