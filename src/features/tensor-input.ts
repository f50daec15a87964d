// --input FILE.safetensors[:TENSOR]: ready pixels (N,3,R,R) instead of images. Dumps in NumPy's formats are taken too.

import { readdir } from 'node:fs/promises';
import ndarray from 'ndarray';
import { openTensorFile } from '../formats/open.ts';
import type { FloatArray, Tensor } from '../ops/tensor.ts';
import { INPUTS } from '../formats/dump/input-names.ts';
import { CommandError } from '../cli/errors.ts';
import { readRawTensor } from './raw-tensors.ts';

export interface TensorInput {
  /** The file and the tensor: `dump.safetensors:image`. */
  name: string;
  x: Tensor;
}

/**
 * @param spec `FILE.safetensors`, `FILE.npz` or a folder of .npy files, the first two with `:TENSOR` if need be
 * @param precision float64 elements stay so in float64 mode, and are rounded to float32 otherwise
 * @throws CommandError if there is no such tensor; Error if the file cannot be read
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
      throw new CommandError(
        `--input expected ${wanted === null ? 'one pixel tensor' : `the tensor "${wanted}"`} in ${file}, ${there}`,
      );
    }
    const { shape } = tensor;
    if (shape.length !== 4 || shape[1] !== 3 || shape[2] !== shape[3] || shape[0] < 1) {
      throw new CommandError(
        `--input expected shape (N, 3, R, R), got (${shape.join(', ')}) in ${file}:${name}; name another ` +
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
