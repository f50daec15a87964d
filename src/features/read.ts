// Reads feature files, as `embed --out` writes them: .npy, .safetensors and .jsonl; also .npz. Rows are read in pieces,
// so that millions of them need not fit into memory.

import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { openTensorFile } from '../formats/open.ts';
import { decodeNpy, NPY_HEADER_BYTES, npyHeader } from '../formats/npy.ts';
import { checkFloat, decode, floatBytes, isFloatDType } from '../formats/elements.ts';
import { type FloatArray, sizeOf } from '../ops/tensor.ts';
import { float32Text } from '../formats/float-text.ts';
import { linesFrom } from '../formats/lines.ts';
import { parseObject } from '../formats/json.ts';
import { textOfFile } from '../formats/text-of-file.ts';
import { sideFile } from './write.ts';

/** The rows of a feature file (N,E), and what the file says about them. */
export interface FeatureRows {
  /** E, or null where it is not known before the first row. */
  width: number | null;
  /** What made the features, where the file says so. */
  model?: string;
  weights?: string;
  /** The paths of the rows read so far; empty where the format has none. */
  paths: (string | null)[];
  /** Whole rows, in order. Rows of images that failed are NaN. */
  rows(): AsyncGenerator<FloatArray>;
}

/** Bytes that are read at a time. */
const PIECE = 8 << 20;

/**
 * Opens a feature file. Its rows are read by `rows()`, a few megabytes at a time.
 * @param file .npy, .npz, .safetensors or .jsonl
 * @throws Error if the file contains no features (N,E)
 */
export async function openFeatures(file: string): Promise<FeatureRows> {
  if (!(await stat(file).catch(() => null))?.isFile())
    throw new Error(`"${file}" is not a feature file; write one with clip-oracle embed … --out features.npy`);
  if (/\.npy$/i.test(file)) return npyRows(file);
  if (/\.npz$/i.test(file)) return npzRows(file);
  if (/\.safetensors$/i.test(file)) return safetensorsRows(file);
  if (/\.jsonl?$/i.test(file)) return jsonRows(file);
  throw new Error(
    `"${file}" expected features in .npy, .npz, .safetensors or .jsonl, got another ending; write them with ` +
      'clip-oracle embed … --out features.npy',
  );
}

async function npyRows(file: string): Promise<FeatureRows> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const head = new Uint8Array(Math.min(size, NPY_HEADER_BYTES));
    await handle.read(head, 0, head.length, 0);
    const header = npyHeader(head, size, `"${file}"`);
    const [N, E] = rowsOf(header.shape, file);
    if (header.fortran)
      throw new Error(
        `"${file}" has its columns one after the other; save it with numpy.save(file, numpy.ascontiguousarray(x))`,
      );
    const bytes = floatBytes(checkFloat(header.dtype, `"${file}"`)) * E;
    return {
      width: E,
      ...(await sideOf(file, N)),
      rows: () =>
        pieces(N, bytes, (first, count) =>
          readPiece(
            file,
            header.start + first * bytes,
            count * bytes,
            (data) => decodeNpy(data, { ...header, shape: [count, E] }, `"${file}"`).data,
          ),
        ),
    };
  } finally {
    await handle.close();
  }
}

/** What the side file says, which `embed` writes beside a .npy. */
async function sideOf(file: string, N: number): Promise<Pick<FeatureRows, 'model' | 'weights' | 'paths'>> {
  const side = sideFile(file);
  if (!(await stat(side).catch(() => null))?.isFile()) return { paths: [] };
  const { model, weights, paths } = parseObject(await textOfFile(side), `"${side}"`);
  if (!Array.isArray(paths) || paths.length !== N)
    throw new Error(
      `"${side}" expected the paths of ${N} rows, got ${Array.isArray(paths) ? paths.length : 'none'}; it belongs to ` +
        'another array: write both again, or remove it',
    );
  return {
    ...(typeof model === 'string' && { model }),
    ...(typeof weights === 'string' && { weights }),
    paths: paths.map((path: unknown) => (typeof path === 'string' ? path : null)),
  };
}

/** Compressed, so that it is read whole. */
async function npzRows(file: string): Promise<FeatureRows> {
  const { openDump } = await import('../formats/dump/open.ts');
  const dump = await openDump(file);
  try {
    const tables = [...dump.tensors]
      .filter(([, { dtype, shape }]) => shape.length === 2 && isFloatDType(dtype))
      .map(([name]) => name);
    const name = tables.includes('features') ? 'features' : tables.length === 1 ? tables[0] : undefined;
    if (name === undefined)
      throw new Error(
        `"${file}" expected the array "features" (N, E), got ` +
          `${tables.length === 0 ? 'none with two axes' : tables.slice(0, 5).join(', ')}; save it with ` +
          'numpy.savez(file, features=x)',
      );
    const { shape, data } = dump.read(name);
    const [, E] = rowsOf(shape, file);
    return {
      width: E,
      paths: [],
      rows: async function* () {
        yield data;
      },
    };
  } finally {
    await dump.close();
  }
}

async function safetensorsRows(file: string): Promise<FeatureRows> {
  const raw = await openTensorFile(file);
  try {
    const tables = [...raw.tensors].filter(([, { dtype, shape }]) => shape.length === 2 && isFloatDType(dtype));
    const found = tables.find(([name]) => name === 'features') ?? (tables.length === 1 ? tables[0] : undefined);
    if (found === undefined)
      throw new Error(
        `"${file}" expected the tensor "features" (N, E), got ${
          tables.length === 0
            ? 'none with two axes'
            : tables
                .map(([name]) => name)
                .slice(0, 5)
                .join(', ')
        }; write it with clip-oracle embed`,
      );
    const [, { dtype, shape, position }] = found;
    const [N, E] = rowsOf(shape, file);
    const kind = checkFloat(dtype, `"${file}"`);
    const bytes = floatBytes(kind) * E;
    const { model, weights, paths } = raw.metadata;
    return {
      width: E,
      model,
      weights,
      paths: listOf(paths),
      rows: () =>
        pieces(N, bytes, (first, count) =>
          readPiece(file, position + first * bytes, count * bytes, (data) => decode(data, kind)),
        ),
    };
  } finally {
    await raw.close();
  }
}

async function jsonRows(file: string): Promise<FeatureRows> {
  const collection: FeatureRows = { width: null, paths: [], rows: jsonLines };
  async function* jsonLines(): AsyncGenerator<FloatArray> {
    let number = 0;
    for await (const line of linesFrom(createReadStream(file), `"${file}"`)) {
      number++;
      if (line.trim() === '') continue;
      const { path, text, features, error } = entryOf(line, file, number);
      const row = error === undefined ? numbersOf(features!) : new Float32Array(collection.width!).fill(NaN);
      if (row.length !== collection.width)
        throw new Error(
          `"${file}" line ${number} has ${row.length} numbers, expected ${collection.width} like the lines ` +
            'before; are these features of two models?',
        );
      collection.paths.push(path ?? text ?? null);
      yield row;
    }
  }
  // The first line with a feature says what made it.
  for await (const line of linesFrom(createReadStream(file, { end: PIECE }), `"${file}"`)) {
    if (line.trim() === '') continue;
    const { model, weights, features } = entryOf(line, file, 1);
    if (features === undefined) continue;
    return Object.assign(collection, { width: features.length, model, weights });
  }
  throw new Error(
    `"${file}" expected features, got no line with any; write them with clip-oracle embed … --out ` + 'features.jsonl',
  );
}

/** As they were: the text of a float32 is the shortest that reads back to it, which as a float64 is another number. */
function numbersOf(features: readonly number[]): FloatArray {
  return features.every((value) => Number(float32Text(Math.fround(value))) === value)
    ? Float32Array.from(features)
    : Float64Array.from(features);
}

interface Entry {
  path?: string;
  text?: string;
  model?: string;
  weights?: string;
  features?: number[];
  error?: string;
}

function entryOf(line: string, file: string, number: number): Entry {
  let entry: Entry | null;
  try {
    entry = JSON.parse(line) as Entry | null;
  } catch {
    entry = null;
  }
  const { features, error } = entry ?? {};
  const sound =
    typeof error === 'string' ||
    (Array.isArray(features) && features.length > 0 && features.every((value) => typeof value === 'number'));
  if (!sound)
    throw new Error(
      `"${file}" line ${number} expected {"path", "features"} or {"path", "error"}, got ` +
        `${JSON.stringify(line.slice(0, 60))}; write it with clip-oracle embed`,
    );
  return entry!;
}

function rowsOf(shape: readonly number[], file: string): [number, number] {
  if (shape.length !== 2 || sizeOf(shape) === 0)
    throw new Error(
      `"${file}" expected features of shape (N, E), got shape (${shape.join(', ')}); write them with ` +
        'clip-oracle embed',
    );
  return [shape[0], shape[1]];
}

/** @param bytes of one row */
async function* pieces(
  N: number,
  bytes: number,
  read: (first: number, count: number) => Promise<FloatArray>,
): AsyncGenerator<FloatArray> {
  const most = Math.max(1, Math.floor(PIECE / bytes));
  for (let first = 0; first < N; first += most) yield await read(first, Math.min(most, N - first));
}

async function readPiece(
  file: string,
  position: number,
  length: number,
  numbers: (bytes: Uint8Array<ArrayBuffer>) => FloatArray,
): Promise<FloatArray> {
  const handle = await open(file, 'r');
  try {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) throw new Error(`"${file}" ends early; has it changed? Write it again`);
      done += bytesRead;
    }
    return numbers(bytes);
  } finally {
    await handle.close();
  }
}

function listOf(text: string | undefined): (string | null)[] {
  try {
    const list: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(list) ? list.map((path: unknown) => (typeof path === 'string' ? path : null)) : [];
  } catch {
    return [];
  }
}
