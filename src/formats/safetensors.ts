// safetensors: 8 bytes header length (little endian), a JSON header, then the tensors, row-major and little endian,
// with neither holes nor overlaps. https://github.com/huggingface/safetensors#format

import { limits, raise } from './limits.ts';
import type { ByteSource } from './byte-source.ts';
import type { TensorFile } from './tensor-file.ts';
import { ELEMENT_BYTES, type DType } from './element-types.ts';
import { rowMajor, type StoredTensor } from './stored-tensor.ts';
import { sizeOf } from '../ops/tensor.ts';
import { isObject, parseObject } from './json.ts';

/** @throws Error in one sentence if the header breaks any rule of the format */
export async function readSafetensors(source: ByteSource): Promise<TensorFile> {
  const { name, size } = source;
  const damaged = (text: string): Error =>
    new Error(`"${name}" is not a valid safetensors file: ${text}; copy, download or write it again`);
  // [1] the header's length
  if (size < 8) throw damaged(`expected at least 8 bytes, got ${size}`);
  const head = new Uint8Array(8);
  await source.read(head, 0);
  const length = Number(new DataView(head.buffer).getBigUint64(0, true));
  if (length > limits().headerBytes)
    throw damaged(`its header claims ${length} bytes, more than the ${limits().headerBytes} that are allowed`);
  if (8 + length > size) throw damaged(`its header claims ${length} bytes, but the file has only ${size}`);
  // [2] the header
  const bytes = new Uint8Array(length);
  await source.read(bytes, 8);
  if (bytes[0] !== 0x7b) throw damaged('its header does not begin with "{"');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw damaged('its header is not UTF-8');
  }
  const header = parseObject(text, `"${name}": the header`);
  // [3] entries: type, shape and place, one by one
  const start = 8 + length;
  const metadata = stringMap(header.__metadata__, damaged);
  const tensors = new Map<string, StoredTensor>();
  const entries = Object.entries(header);
  if (entries.length > limits().tensors)
    throw new Error(
      `"${name}" has ${entries.length} tensors, more than any checkpoint; do not use this file, or ${raise('tensors')}`,
    );
  const places: { key: string; begin: number; end: number }[] = [];
  for (const [key, entry] of entries) {
    if (key === '__metadata__') continue;
    const { dtype, shape, begin, end } = entryOf(name, key, entry, damaged);
    if (end > size - start) throw damaged(`"${key}" ends at byte ${end} of the data, which has ${size - start}`);
    if (sizeOf(shape) * ELEMENT_BYTES[dtype] !== end - begin) {
      throw damaged(
        `"${key}" expected ${sizeOf(shape) * ELEMENT_BYTES[dtype]} bytes for ${dtype} ` +
          `(${shape.join(', ')}), got ${end - begin}`,
      );
    }
    places.push({ key, begin, end });
    tensors.set(key, { dtype, shape, strides: rowMajor(shape), source, position: start + begin });
  }
  // [4] together they cover the data section exactly once
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0,
    before = '';
  for (const { key, begin, end } of places) {
    if (begin < covered) throw damaged(`"${key}" overlaps "${before}"`);
    if (begin > covered) throw damaged(`${begin - covered} bytes before "${key}" belong to no tensor`);
    covered = end;
    before = key;
  }
  if (covered !== size - start) throw damaged(`${size - start - covered} bytes at the end belong to no tensor`);
  return { origin: name, format: 'safetensors', metadata, tensors: inFileOrder(tensors), close: () => source.close() };
}

type Damaged = (text: string) => Error;

function entryOf(
  where: string,
  key: string,
  entry: unknown,
  damaged: Damaged,
): { dtype: DType; shape: number[]; begin: number; end: number } {
  if (!isObject(entry)) throw damaged(`"${key}" expected an object with dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') throw damaged(`"${key}" has no dtype`);
  if (!Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw new Error(
      `"${where}": "${key}" has the element type ${JSON.stringify(dtype.slice(0, 40))}, which is not one of ` +
        `${Object.keys(ELEMENT_BYTES).join(', ')}; convert the weights to F32, F16 or BF16`,
    );
  }
  const isCount = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (!Array.isArray(shape) || shape.length > 32 || !shape.every(isCount) || !Number.isSafeInteger(8 * sizeOf(shape))) {
    throw damaged(`"${key}" expected a shape of whole numbers, got ${shown(shape)}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    throw damaged(`"${key}" expected data_offsets [begin, end], got ${shown(offsets)}`);
  }
  return { dtype: dtype as DType, shape, begin: offsets[0], end: offsets[1] };
}

const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value).slice(0, 80));

function stringMap(value: unknown, damaged: Damaged): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || Object.values(value).some((entry) => typeof entry !== 'string'))
    throw damaged('"__metadata__" expected an object of strings');
  return value as Record<string, string>;
}

/** JSON puts keys that look like numbers first; the order of the data is the file's own. */
function inFileOrder(tensors: Map<string, StoredTensor>): Map<string, StoredTensor> {
  return new Map([...tensors].sort(([, a], [, b]) => a.position - b.position));
}
