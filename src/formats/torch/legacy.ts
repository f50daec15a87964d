// PyTorch's files before 1.6: five pickles one after the other (magic number, protocol, system, object, storage keys),
// then for every key its element count as int64 and its raw elements. Source: torch/serialization.py, _legacy_save and
// _legacy_load.

import { limits } from '../limits.ts';
import type { ByteSource } from '../byte-source.ts';
import type { TensorFile } from '../tensor-file.ts';
import { ELEMENT_BYTES } from '../element-types.ts';
import { unpickle, type PickleHooks } from './pickle.ts';
import { PickleEnd } from './pickle-reader.ts';
import type { PickleValue } from './pickle-values.ts';
import { rowMajor, type StoredTensor } from '../stored-tensor.ts';
import { metadataOf } from './metadata.ts';
import { collectTensors, torchHooks, type TorchStorage } from './objects.ts';
import { bigEndian } from './zip.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** @throws Error in one sentence if it is not such a file, is damaged, or names a global that is not allowed */
export async function readTorchLegacy(source: ByteSource): Promise<TensorFile> {
  const where = source.name;
  const { values, end, storages } = await readPickles(source);
  const [magic, protocol, system, object, keys] = values;
  // [1] magic number, protocol, byte order
  if (magic !== MAGIC)
    throw new Error(
      `"${where}" is a pickle, but not a checkpoint of PyTorch (it does not begin with PyTorch's number); save ` +
        'the weights with torch.save or safetensors',
    );
  if (protocol !== PROTOCOL)
    throw new Error(
      `"${where}" has PyTorch's protocol ${describe(protocol)}, expected ${PROTOCOL}; save it again with a ` +
        'current PyTorch',
    );
  if (system instanceof Map && system.get('little_endian') === false) throw bigEndian(where);
  if (!Array.isArray(keys))
    throw new Error(`"${where}" has no list of storages; it is damaged: copy or download it again`);
  // [2] the position of each storage
  const positions = new Map<string, number>();
  let position = end;
  for (const key of keys) {
    const storage = typeof key === 'string' || typeof key === 'number' ? storages.get(String(key)) : undefined;
    if (storage === undefined)
      throw new Error(
        `"${where}" lists the storage ${describe(key)}, which no tensor uses; it is damaged: copy or download it again`,
      );
    const header = new Uint8Array(8);
    await source.read(header, position);
    const count = new DataView(header.buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.count))
      throw new Error(
        `"${where}": the storage ${describe(key)} expected ${storage.count} elements, got ${count}; it is ` +
          'damaged: copy or download it again',
      );
    positions.set(storage.key, position + 8);
    position += 8 + storage.count * ELEMENT_BYTES[storage.dtype];
    if (position > source.size)
      throw new Error(
        `"${where}" ends early: expected at least ${position} bytes, got ${source.size}; copy or download it again`,
      );
  }
  // [3] the tensors
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { storage, offset, shape, strides }] of collectTensors(object, where)) {
    const start = positions.get(storage.key);
    if (start === undefined)
      throw new Error(
        `"${where}" has no storage "${storage.key}", which "${name}" needs; it is damaged: copy or download it again`,
      );
    tensors.set(name, {
      dtype: storage.dtype,
      shape,
      strides: strides.length === 0 ? rowMajor(shape) : strides,
      source,
      position: start + (storage.start + offset) * ELEMENT_BYTES[storage.dtype],
    });
  }
  return {
    origin: where,
    format: 'PyTorch legacy',
    metadata: metadataOf(object),
    tensors,
    close: () => source.close(),
  };
}

/** The five pickles. Their length is not stored: a growing piece of the file is tried until they fit. */
async function readPickles(
  source: ByteSource,
): Promise<{ values: PickleValue[]; end: number; storages: Map<string, TorchStorage> }> {
  const limit = Math.min(source.size, limits().pickleBytes);
  for (let length = Math.min(limit, 1 << 18); ; length = Math.min(limit, length * 4)) {
    const bytes = new Uint8Array(length);
    await source.read(bytes, 0);
    try {
      return parsePickles(bytes, source.name);
    } catch (error) {
      if (!(error instanceof PickleEnd) || length === limit) throw error;
    }
  }
}

function parsePickles(
  bytes: Uint8Array,
  where: string,
): { values: PickleValue[]; end: number; storages: Map<string, TorchStorage> } {
  const storages = new Map<string, TorchStorage>();
  const plain = torchHooks(where);
  const hooks: PickleHooks = {
    ...plain,
    persistent(id) {
      const storage = plain.persistent(id) as TorchStorage;
      const known = storages.get(storage.key);
      if (known !== undefined && (known.count !== storage.count || known.dtype !== storage.dtype))
        throw new Error(
          `"${where}": the storage "${storage.key}" has two sizes; it is damaged: copy or download it again`,
        );
      storages.set(storage.key, storage);
      return storage;
    },
  };
  const values: PickleValue[] = [];
  let end = 0;
  for (let i = 0; i < 5; i++) {
    const pickle = unpickle(bytes, end, `"${where}"`, hooks);
    values.push(pickle.value);
    end = pickle.end;
    // Another kind of pickle is reported as such before its second pickle is looked for.
    if (i === 0 && pickle.value !== MAGIC) break;
  }
  return { values, end, storages };
}

const describe = (value: PickleValue): string =>
  typeof value === 'object' && value !== null ? 'of an unexpected kind' : `"${String(value).slice(0, 40)}"`;
