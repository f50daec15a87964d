// What `train-head` learns from: files of features with a file of labels, or folders of images by class.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import ndarray from 'ndarray';
import type { FloatArray, Tensor } from '../ops/tensor.ts';
import { CommandError } from '../cli/errors.ts';
import { openFeatures } from './read.ts';
import { each, inputPaths, type InputPath } from './inputs.ts';
import { readLabelFile, type LabelFile } from './labels.ts';
import type { ImageOptions } from '../cli/options.ts';
import { loadModel, runImages } from './pipeline.ts';

export interface TrainingData {
  /** (N,E) */
  features: Tensor;
  labels: string[];
  /** How many inputs were passed over because they failed. */
  failed: number;
  /** What made the features, where it is known. */
  origin: { model?: string; weights?: string; pipeline?: string; adapter?: string };
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

/**
 * Features of files that `embed --out` wrote, or numpy.save. Rows of NaN (images that failed) are passed over, with
 * their labels.
 * @throws CommandError if counts or widths differ, or a row has no label
 */
export async function fromFiles(files: readonly string[], labelFile: string): Promise<TrainingData> {
  const given = await readLabelFile(labelFile);
  const parts: FloatArray[] = [],
    paths: (string | null)[] = [];
  const origin: TrainingData['origin'] = {};
  let E: number | null = null,
    rows = 0;
  for (const file of files) {
    const collection = await openFeatures(file, 'train-head');
    const first = rows;
    for await (const part of collection.rows()) {
      E ??= collection.width!;
      parts.push(part);
      rows += part.length / collection.width!;
    }
    if (collection.width !== E)
      throw new CommandError(
        `${file} holds features of width ${collection.width}, ${files[0]} of width ${E}; train on features of ` +
          'one model',
      );
    if (collection.model !== undefined && origin.model !== undefined && collection.model !== origin.model)
      throw new CommandError(
        `${file} holds features of ${collection.model}, a file before it of ${origin.model}; train on features ` +
          'of one model',
      );
    if (collection.model !== undefined) Object.assign(origin, { model: collection.model, weights: collection.weights });
    for (let row = 0; row < rows - first; row++) paths.push(collection.paths[row] ?? null);
  }
  const labels = labelsOf(given, paths, labelFile);
  return { ...withoutFailures(parts, rows, E!, labels), origin };
}

/** One label per row. @throws CommandError */
function labelsOf(given: LabelFile, paths: readonly (string | null)[], file: string): string[] {
  if ('list' in given) {
    if (given.list.length !== paths.length)
      throw new CommandError(
        `--labels expected ${paths.length} labels, one per row of the features, got ${given.list.length} in ` +
          `${file}; give each row its own`,
      );
    return given.list;
  }
  return paths.map((path, row) => {
    if (path === null)
      throw new CommandError(
        `--labels goes by path in ${file}, but row ${row} of the features has no path; write the features as ` +
          '.safetensors or .jsonl, or give one label per row in a .txt file',
      );
    const label = given.byPath.get(path);
    if (label === undefined)
      throw new CommandError(
        `--labels has no label for "${path}" in ${file}; add it, with the path as the features have it`,
      );
    return label;
  });
}

function withoutFailures(
  parts: readonly FloatArray[],
  rows: number,
  E: number,
  labels: readonly string[],
): Omit<TrainingData, 'origin'> {
  const isSingle = parts.every((part) => part instanceof Float32Array);
  const data = isSingle ? new Float32Array(rows * E) : new Float64Array(rows * E);
  const kept: string[] = [];
  let row = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += E, row++) {
      const one = part.subarray(at, at + E);
      if (one.every(Number.isNaN)) continue;
      data.set(one, kept.length * E);
      kept.push(labels[row]);
    }
  }
  return {
    features: ndarray(data.subarray(0, kept.length * E), [kept.length, E]) as Tensor,
    labels: kept,
    failed: rows - kept.length,
  };
}

/**
 * Features of the images in folders, whose subfolders are the classes; the same name in several folders is one class.
 * @throws CommandError for a folder without subfolders, or a subfolder without images
 */
export async function fromFolders(folders: readonly string[], options: ImageOptions): Promise<TrainingData> {
  const inputs: InputPath[] = [],
    labelOf: string[] = [];
  for (const folder of folders) {
    const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
    let classes = 0;
    for (const name of names) {
      if (!(await isFolder(join(folder, name)))) continue;
      classes++;
      for await (const input of inputPaths([join(folder, name)])) {
        inputs.push(input);
        labelOf.push(name);
      }
    }
    if (classes === 0)
      throw new CommandError(
        `train-head expected a folder with one folder of images per class, ${folder} has no folders in it; ` +
          'sort the images into folders named by class',
      );
  }
  const loaded = await loadModel(options);
  try {
    const {
      name: model,
      weights,
      architecture: { embed: E },
    } = loaded.model;
    const rows: FloatArray[] = [],
      labels: string[] = [];
    let at = 0;
    const { failed } = await runImages({ paths: each(inputs), total: inputs.length }, options, loaded, {
      feature: (_path, features, row) => {
        rows.push(features.data.slice(row * E, (row + 1) * E));
        labels.push(labelOf[at++]);
        return Promise.resolve();
      },
      failure: (path, error) => {
        at++;
        process.stderr.write(`clip-oracle: ${error.startsWith(path) ? error : `${path}: ${error}`}\n`);
        return Promise.resolve();
      },
    });
    const data =
      options.precision === 'float64' ? new Float64Array(rows.length * E) : new Float32Array(rows.length * E);
    rows.forEach((row, n) => data.set(row, n * E));
    return {
      features: ndarray(data, [rows.length, E]) as Tensor,
      labels,
      failed,
      origin: { model, weights, pipeline: options.pipeline, adapter: options.adapter },
    };
  } finally {
    await loaded.model.close();
  }
}
