// The weights of synthetic:0 as files, so that every engine reads the same numbers from the disk (or the page cache):
// NAME.weights for the peers, whose layout NAME.weights.json gives, and the same bytes as NAME.safetensors for us. The
// ONNX graph is copied beside them.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fillSynthetic } from '../../src/clip/weights/synthetic.ts';

interface Parameter {
  name: string;
  shape: number[];
  /** Where it lies in NAME.weights, bytes. */
  offset: number;
  bytes: number;
}

export interface WeightFiles {
  onnx: string;
  weights: string;
  /** What each parameter is called and where it lies. */
  table: string;
  safetensors: string;
}

export function weightFiles(model: string, folder: string): WeightFiles {
  const stem = join(folder, model.replace('/', '-'));
  return {
    onnx: `${stem}.onnx`,
    weights: `${stem}.weights`,
    table: `${stem}.weights.json`,
    safetensors: `${stem}.safetensors`,
  };
}

export function readTable(file: string): Parameter[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Parameter[];
}

/**
 * Writes what is not there yet.
 * @param shared the folder that holds peers/NAME.onnx and peers/NAME.weights.json
 * @throws Error if the model has no graph in that folder
 */
export function writeWeights(model: string, folder: string, shared: string): WeightFiles {
  const from = weightFiles(model, join(shared, 'peers'));
  if (!existsSync(from.onnx))
    throw new Error(
      `${from.onnx} is not there; --shared (or CLIP_ORACLE_SHARED) names the folder that holds peers/, and ` +
        'RN50, ViT-B/32 and ViT-L/14 have graphs',
    );
  const files = weightFiles(model, folder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(files.onnx, readFileSync(from.onnx));
  writeFileSync(files.table, readFileSync(from.table));
  const parameters = readTable(files.table);
  const end = Math.max(...parameters.map(({ offset, bytes }) => offset + bytes));
  const header = safetensorsHeader(parameters);
  if (sizeOf(files.weights) !== end) write(files.weights, parameters, new Uint8Array(0));
  if (sizeOf(files.safetensors) !== header.length + end) write(files.safetensors, parameters, header);
  return files;
}

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : -1);

/** Under another name until it is whole. */
function write(file: string, parameters: readonly Parameter[], header: Uint8Array): void {
  const part = `${file}.part`;
  const to = openSync(part, 'w');
  writeSync(to, header);
  for (const { name, shape, offset, bytes } of parameters) {
    const values = new Float32Array(bytes / 4);
    fillSynthetic(0, name, shape, values);
    for (let done = 0; done < bytes;)
      done += writeSync(to, new Uint8Array(values.buffer), done, bytes - done, header.length + offset + done);
  }
  closeSync(to);
  renameSync(part, file);
}

/** Length as 8 bytes, then JSON, padded with spaces to a multiple of 8 (the safetensors format). */
function safetensorsHeader(parameters: readonly Parameter[]): Uint8Array {
  const entries = parameters.map(({ name, shape, offset, bytes }) => [
    name,
    { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] },
  ]);
  const json = JSON.stringify(Object.fromEntries(entries));
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}
