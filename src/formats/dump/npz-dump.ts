// A dump in NumPy's .npz: a zip file of .npy arrays, stored (numpy.savez) or deflated (numpy.savez_compressed).

import zlib from 'node:zlib';
import { crc32 } from '../crc32.ts';
import { listZip, type ZipEntry } from '../zip.ts';
import { limits } from '../limits.ts';
import type { Dump } from './dump.ts';
import type { DumpFile } from './dump-file.ts';
import { MAX_METADATA_BYTES, METADATA_FILE, parseMetadata } from './metadata.ts';
import { missingTensor } from './missing.ts';
import { decodeNpy, NPY_HEADER_BYTES, npyHeader, type NpyHeader } from '../npy.ts';

interface StoredArray {
  readonly entry: ZipEntry;
  readonly begin: number;
  readonly header: NpyHeader;
}

/** A name for a message: an entry's may be 64 kB of anything. */
const shown = (name: string): string => JSON.stringify(name.slice(0, 100));

/** Node has a faster one from 20.15 on. */
const checksum = (bytes: Uint8Array): number => (typeof zlib.crc32 === 'function' ? zlib.crc32(bytes) : crc32(bytes));

/**
 * @throws Error in one sentence if the zip file or an array's header is damaged, or if it is something else in a zip
 * file
 */
export async function npzDump(file: DumpFile): Promise<Dump> {
  const entries = await listZip(file);
  const arrays = new Map<string, StoredArray>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of entries) {
    const begin = await entry.dataStart();
    if (name === METADATA_FILE && entry.size <= MAX_METADATA_BYTES) {
      metadata = parseMetadata(
        Buffer.from(whole(file, entry, begin)).toString('utf8'),
        `"${file.name}": ${shown(name)}`,
      );
    }
    if (!name.endsWith('.npy')) continue;
    arrays.set(name.slice(0, -4), {
      entry,
      begin,
      header: npyHeader(beginning(file, entry, begin), entry.size, `"${file.name}": ${shown(name)}`),
    });
  }
  if (arrays.size === 0) throw noArrays(file.name, entries.keys());
  return {
    path: file.name,
    format: 'npz',
    metadata,
    tensors: new Map([...arrays].map(([name, { header }]) => [name, { dtype: header.dtype, shape: header.shape }])),
    read(name) {
      const array = arrays.get(name);
      if (array === undefined) throw missingTensor(file.name, name, arrays.keys());
      const { entry, begin, header } = array;
      return decodeNpy(whole(file, entry, begin).slice(header.start), header, `"${file.name}": ${shown(name)}`);
    },
    close: () => file.close(),
  };
}

/** The unpacked bytes of an entry. @throws Error if they are not those that were packed */
function whole(file: DumpFile, entry: ZipEntry, begin: number): Uint8Array<ArrayBuffer> {
  const damaged = (text: string, cause?: unknown): Error =>
    new Error(`"${file.name}": ${shown(entry.name)} is damaged (${text}); copy or dump it again`, { cause });
  if (entry.compressed && entry.size > Math.min(limits().unpackedBytes, 1032 * entry.packedSize + 64))
    throw damaged(
      `it claims to hold ${entry.size} bytes in ${entry.packedSize}, which is more than can be or is allowed ` +
        '(CLIP_ORACLE_LIMITS=unpackedBytes=…)',
    );
  let bytes: Uint8Array<ArrayBuffer> = file.bytes(begin, entry.packedSize);
  if (entry.compressed) {
    try {
      const unpacked = zlib.inflateRawSync(bytes, { maxOutputLength: Math.max(1, entry.size) });
      // a Buffer's slice would be a view
      bytes = new Uint8Array(unpacked.buffer as ArrayBuffer, unpacked.byteOffset, unpacked.length);
    } catch (error) {
      throw damaged('it cannot be unpacked', error);
    }
  }
  if (bytes.length !== entry.size) throw damaged(`expected ${entry.size} bytes, got ${bytes.length}`);
  if (checksum(bytes) !== entry.crc32) throw damaged('its checksum is wrong');
  return bytes;
}

/** The first bytes of an entry, enough for a header. */
function beginning(file: DumpFile, entry: ZipEntry, begin: number): Uint8Array {
  const packed = file.bytes(begin, Math.min(entry.packedSize, NPY_HEADER_BYTES));
  if (!entry.compressed) return packed;
  try {
    // A cut stream gives what it has. 4096 bytes cannot unpack to more than some 4 MB.
    return zlib.inflateRawSync(packed, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new Error(`"${file.name}": ${shown(entry.name)} is damaged (it cannot be unpacked); copy or dump it again`, {
      cause: error,
    });
  }
}

function noArrays(path: string, names: Iterable<string>): Error {
  const all = [...names];
  if (all.some((name) => /(^|\/)data\.pkl$/.test(name))) {
    return new Error(
      `"${path}" is a file of torch.save, expected a dump; save the tensors with safetensors.torch.save_file`,
    );
  }
  return new Error(
    `"${path}" is a zip file without .npy arrays (it has ` +
      `${all.length === 0 ? 'nothing' : all.slice(0, 3).map(shown).join(', ')}); save the dump with numpy.savez`,
  );
}
