// The weights of synthetic:0 as files, so that every engine reads the same numbers from the disk (or the page cache):
// NAME.weights for the peers, whose layout NAME.weights.json gives, and the same bytes as NAME.safetensors for us. The
// ONNX graph is copied beside them.

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillSynthetic } from '../../src/clip/weights/synthetic.ts';
import { AtomicFileSync } from '../../src/formats/atomic-file.ts';
import { littleEndian } from '../../src/formats/little-endian.ts';
import { safetensorsHeader, SafetensorsWriter } from '../../src/formats/safetensors-writer.ts';

/** In the order of their data, without holes. */
interface Parameter {
  name: string;
  shape: number[];
  /** Where it begins in NAME.weights, bytes. */
  offset: number;
  bytes: number;
}

export interface WeightFiles {
  onnx: string;
  weights: string;
  /** The name of each parameter and its place in the file. */
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
  const tensors = parameters.map(({ name, shape }) => [name, { dtype: 'F32', shape }] as const);
  const header = safetensorsHeader(tensors);
  if (fileBytes(files.weights) !== end) {
    const part = new AtomicFileSync(files.weights);
    for (const { offset, bytes } of eachParameter(parameters)) part.write(bytes, offset);
    part.finish();
  }
  if (fileBytes(files.safetensors) !== header.length + end) {
    const writer = new SafetensorsWriter(files.safetensors, header.length);
    for (const { name, shape, bytes } of eachParameter(parameters)) writer.add(name, 'F32', shape, bytes);
    writer.finish();
  }
  return files;
}

const fileBytes = (file: string): number => (existsSync(file) ? statSync(file).size : -1);

/** Each parameter with its bytes, made one after the other. */
function* eachParameter(
  parameters: readonly Parameter[],
): Generator<{ name: string; shape: number[]; offset: number; bytes: Uint8Array }> {
  for (const { name, shape, offset, bytes } of parameters) {
    const values = new Float32Array(bytes / 4);
    fillSynthetic(0, name, shape, values);
    yield { name, shape, offset, bytes: littleEndian(values) };
  }
}
