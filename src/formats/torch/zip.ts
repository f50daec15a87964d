// PyTorch's zip files (torch.save since 1.6, TorchScript archives): one folder with `data.pkl` and the raw storages
// `data/KEY`, stored without compression, so that they can be read in place. Sources: torch/serialization.py,
// torch/csrc/jit/docs/serialization.md.

import { unpack } from '#host/unpack';
import { limits } from '../limits.ts';
import type { ByteSource } from '../byte-source.ts';
import type { TensorFile } from '../tensor-file.ts';
import { crc32 } from '../crc32.ts';
import { ELEMENT_BYTES } from '../element-types.ts';
import { latin1 } from '../latin1.ts';
import { unpickle } from './pickle.ts';
import type { StoredTensor } from '../stored-tensor.ts';
import { metadataOf } from './metadata.ts';
import { collectTensors, torchHooks } from './objects.ts';
import { listZip, type ZipEntry } from '../zip.ts';

/**
 * @throws Error in one sentence if it is not a checkpoint of PyTorch, is damaged, or names a global that is not allowed
 */
export async function readTorchZip(source: ByteSource): Promise<TensorFile> {
  const where = source.name;
  const entries = await listZip(source);
  const pickles = [...entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw new Error(
      `"${where}" is a zip file ${pickles.length === 0 ? 'without data.pkl' : 'with several data.pkl'}, so ` +
        'not a checkpoint of PyTorch; name a file of ' +
        `weights${pickles.length === 0 ? ' (unpack it first if they are inside)' : ''}`,
    );
  }
  const folder = pickles[0].slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && latin1(await contents(source, order, 64, where)).trim() === 'big') throw bigEndian(where);
  // [1] the pickle, whole and checked
  const entry = entries.get(pickles[0])!;
  const pickle = await contents(source, entry, limits().pickleBytes, where);
  if (crc32(pickle) !== entry.crc32)
    throw new Error(`"${where}": "${pickles[0]}" is damaged (its checksum differs); copy or download the file again`);
  const { value } = unpickle(pickle, 0, `"${where}": "${pickles[0]}"`, torchHooks(where));
  // [2] its tensors, each with the entry that holds its storage
  const tensors = new Map<string, StoredTensor>();
  const sources = new Map<string, ByteSource>();
  for (const [name, tensor] of collectTensors(value, where)) {
    const { key, dtype, count, start } = tensor.storage;
    const path = `${folder}data/${key}`;
    const stored = entries.get(path);
    if (stored === undefined)
      throw new Error(
        `"${where}" has no entry "${path.slice(0, 120)}", which "${name.slice(0, 100)}" needs; the file is ` +
          'incomplete: copy or download it again',
      );
    const bytes = ELEMENT_BYTES[dtype];
    if (stored.size !== count * bytes)
      throw new Error(
        `"${where}": "${path}" expected ${count * bytes} bytes for ${count} elements of ${dtype}, got ` +
          `${stored.size}; copy or download it again`,
      );
    let inside = sources.get(path);
    if (inside === undefined) {
      inside = stored.compressed ? new InflatedEntry(source, stored, where) : new StoredEntry(source, stored);
      sources.set(path, inside);
    }
    tensors.set(name, {
      dtype,
      shape: tensor.shape,
      strides: tensor.strides,
      source: inside,
      position: (start + tensor.offset) * bytes,
    });
  }
  const isScript =
    entries.has(`${folder}constants.pkl`) || [...entries.keys()].some((name) => name.startsWith(`${folder}code/`));
  return {
    origin: where,
    format: isScript ? 'TorchScript archive' : 'PyTorch zip',
    metadata: isScript ? {} : metadataOf(value),
    tensors,
    close: () => source.close(),
  };
}

export const bigEndian = (where: string): Error =>
  new Error(
    `"${where}" was written on a big-endian computer, which is not supported; load it with PyTorch on a ` +
      'little-endian one and save it again',
  );

/** An entry that is stored uncompressed: read in place. */
class StoredEntry implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #parent: ByteSource;
  readonly #entry: ZipEntry;
  #start: number | null = null;

  constructor(parent: ByteSource, entry: ZipEntry) {
    this.#parent = parent;
    this.#entry = entry;
    this.name = parent.name;
    this.size = entry.size;
  }

  async read(target: Uint8Array, position: number): Promise<void> {
    this.#start ??= await this.#entry.dataStart();
    await this.#parent.read(target, this.#start + position);
  }

  checkUnchanged(): Promise<void> {
    return this.#parent.checkUnchanged();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A compressed entry: unpacked whole when it is first needed, and garbage-collected between uses. */
class InflatedEntry implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #parent: ByteSource;
  readonly #entry: ZipEntry;
  readonly #where: string;
  #unpacked: WeakRef<Uint8Array> | null = null;

  constructor(parent: ByteSource, entry: ZipEntry, where: string) {
    this.#parent = parent;
    this.#entry = entry;
    this.#where = where;
    this.name = parent.name;
    this.size = entry.size;
  }

  async read(target: Uint8Array, position: number): Promise<void> {
    let bytes = this.#unpacked?.deref();
    if (bytes === undefined) {
      bytes = await contents(this.#parent, this.#entry, limits().unpackedBytes, this.#where);
      this.#unpacked = new WeakRef(bytes);
    }
    target.set(bytes.subarray(position, position + target.length));
  }

  checkUnchanged(): Promise<void> {
    return this.#parent.checkUnchanged();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * The bytes of a whole entry, unpacked. @throws Error if it says that it is larger than `limit`, or is not as large as
 * it says
 */
async function contents(source: ByteSource, entry: ZipEntry, limit: number, where: string): Promise<Uint8Array> {
  // Deflate packs at most 1032 to 1: a larger claim is false.
  if (entry.size > limit || entry.packedSize > limit + 65536 || entry.size > 1032 * entry.packedSize + 64) {
    throw new Error(
      `"${where}": "${entry.name.slice(0, 120)}" claims to hold ${entry.size} bytes in ${entry.packedSize}, ` +
        `which is more than can be or is allowed (${limit}); do not use this file`,
    );
  }
  const start = await entry.dataStart();
  const packed = new Uint8Array(entry.packedSize);
  await source.read(packed, start);
  if (!entry.compressed) return packed;
  const damaged = (cause?: unknown): Error =>
    new Error(`"${where}": "${entry.name.slice(0, 120)}" cannot be unpacked; copy or download the file again`, {
      cause,
    });
  let unpacked: Uint8Array | 'longer';
  try {
    unpacked = await unpack('deflate-raw', packed, entry.size);
  } catch (error) {
    throw damaged(error);
  }
  if (unpacked === 'longer' || unpacked.length !== entry.size) throw damaged();
  return unpacked;
}
