// Ready pixels (N,3,R,R) instead of images: FILE.safetensors[:TENSOR], or a dump in NumPy's formats. Tensors keep their
// own precision here; the reader of weights widens everything to float32.

import { readdir } from 'node:fs/promises';
import ndarray from 'ndarray';
import { openTensorFile } from '../formats/open.ts';
import { readStored, type StoredTensor } from '../formats/stored-tensor.ts';
import { type FloatArray, sizeOf, type Tensor } from '../ops/tensor.ts';
import { INPUTS } from '../formats/dump/input-names.ts';
import { ArgumentError } from './argument-error.ts';

/** Pixels that were read from a file. */
export interface TensorInput {
  /** The file and the tensor: `dump.safetensors:image`. */
  name: string;
  x: Tensor;
}

/**
 * Reads pixels (N,3,R,R).
 * @param spec `FILE.safetensors`, `FILE.npz` or a folder of .npy files, the first two with `:TENSOR` if need be
 * @param precision float64 elements stay so in float64 mode, and are rounded to float32 otherwise
 * @throws ArgumentError (`input`) if there is no such tensor; Error if the file cannot be read
 */
export async function readTensorInput(spec: string, precision: 'float32' | 'float64'): Promise<TensorInput> {
  const [file, wanted] = split(spec);
  const source = await openPixels(file);
  try {
    const candidates = [...source.tensors]
      .filter(([, tensor]) => tensor.shape.length === 4 && tensor.shape[1] === 3)
      .map(([name]) => name);
    const name =
      wanted ?? INPUTS.find((usual) => candidates.includes(usual)) ?? (candidates.length === 1 ? candidates[0] : null);
    const tensor = name === null ? undefined : source.tensors.get(name);
    if (name === null || tensor === undefined) {
      const there =
        candidates.length > 0
          ? `it has ${candidates.slice(0, 8).join(', ')}${candidates.length > 8 ? ', …' : ''}; name one as FILE:TENSOR`
          : 'it has none of shape (N, 3, R, R)';
      throw new ArgumentError(
        'input',
        `expected ${wanted === null ? 'one pixel tensor' : `the tensor "${wanted}"`} in ${file}, ${there}`,
      );
    }
    const { shape } = tensor;
    if (shape.length !== 4 || shape[1] !== 3 || shape[2] !== shape[3] || shape[0] < 1) {
      throw new ArgumentError(
        'input',
        `expected shape (N, 3, R, R), got (${shape.join(', ')}) in ${file}:${name}; name another ` +
          'tensor as FILE:TENSOR',
      );
    }
    const stored = await source.read(name);
    const data: FloatArray =
      precision === 'float32' && stored instanceof Float64Array ? Float32Array.from(stored) : stored;
    return { name: `${file}:${name}`, x: ndarray(data, [...shape]) };
  } finally {
    await source.close();
  }
}

interface PixelSource {
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  read(name: string): Promise<FloatArray>;
  close(): Promise<void>;
}

async function openPixels(path: string): Promise<PixelSource> {
  if (/\.npz$/i.test(path) || (await isNpyFolder(path))) {
    const { openDump } = await import('../formats/dump/open.ts');
    const dump = await openDump(path);
    return { tensors: dump.tensors, read: async (name) => dump.read(name).data, close: () => dump.close() };
  }
  const raw = await openTensorFile(path);
  return { tensors: raw.tensors, read: (name) => readRawTensor(raw.tensors.get(name)!), close: () => raw.close() };
}

async function isNpyFolder(path: string): Promise<boolean> {
  const files = await readdir(path).catch(() => []);
  return files.some((file) => file.endsWith('.npy'));
}

function split(spec: string): [string, string | null] {
  const match = /^(.*\.(?:safetensors(?:\.gz)?|npz)):(.+)$/i.exec(spec);
  return match ? [match[1], match[2]] : [spec, null];
}

/** One tensor of a safetensors file: float64 elements stay so, others become float32. */
async function readRawTensor(tensor: StoredTensor): Promise<FloatArray> {
  const count = sizeOf(tensor.shape);
  if (tensor.dtype !== 'F64') {
    const data = new Float32Array(count);
    await readStored(tensor, data, 0);
    return data;
  }
  const bytes = new Uint8Array(8 * count); // safetensors: row-major, little endian
  await tensor.source.read(bytes, tensor.position);
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true));
}

/** All tensors of a small safetensors file. */
export async function readRawTensors(
  path: string,
): Promise<Map<string, { shape: readonly number[]; data: FloatArray }>> {
  const raw = await openTensorFile(path);
  try {
    const tensors = new Map<string, { shape: readonly number[]; data: FloatArray }>();
    for (const [name, tensor] of raw.tensors)
      tensors.set(name, { shape: tensor.shape, data: await readRawTensor(tensor) });
    return tensors;
  } finally {
    await raw.close();
  }
}
