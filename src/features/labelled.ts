// Labelled features to train on: feature files with a label file, or folders of images by class.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import ndarray from 'ndarray';
import type { FloatArray, Tensor } from '../ops/tensor.ts';
import { ArgumentError } from './argument-error.ts';
import { openFeatures } from './read.ts';
import { inputPaths, type InputPath } from './inputs.ts';
import { PassedOver } from './passed-over.ts';
import { readLabelFile, type LabelFile } from './labels.ts';
import { embedImages, sourceOf, type EmbedOptions, type Loaded } from './pipeline.ts';

/** What a head is trained on. */
export interface TrainingData {
  /** (N,E) */
  features: Tensor;
  labels: string[];
  /** How many inputs were passed over because they failed. */
  failed: number;
  /** What made the features, where it is known. */
  origin: { model?: string; weights?: string; pipeline?: string; adapter?: string };
}

/** True for the path of an existing folder. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

/**
 * Features of files that `embed --out` wrote, or numpy.save. Rows of NaN (images that failed) are passed over, with
 * their labels.
 * @param labelFile the formats of readLabelFile
 * @throws ArgumentError (`labels`) if a row has no label; Error if widths or models differ
 */
export async function fromFiles(files: readonly string[], labelFile: string): Promise<TrainingData> {
  const given = await readLabelFile(labelFile);
  const parts: FloatArray[] = [],
    paths: (string | null)[] = [];
  const origin: TrainingData['origin'] = {};
  let E: number | null = null,
    rows = 0;
  for (const file of files) {
    const collection = await openFeatures(file);
    const first = rows;
    for await (const part of collection.rows()) {
      E ??= collection.width!;
      parts.push(part);
      rows += part.length / collection.width!;
    }
    if (collection.width !== E)
      throw new Error(
        `${file} holds features of width ${collection.width}, ${files[0]} of width ${E}; train on features of ` +
          'one model',
      );
    if (collection.model !== undefined && origin.model !== undefined && collection.model !== origin.model)
      throw new Error(
        `${file} holds features of ${collection.model}, a file before it of ${origin.model}; train on features ` +
          'of one model',
      );
    if (collection.model !== undefined) Object.assign(origin, { model: collection.model, weights: collection.weights });
    for (let row = 0; row < rows - first; row++) paths.push(collection.paths[row] ?? null);
  }
  const labels = labelsOf(given, paths, labelFile);
  return { ...withoutFailures(parts, rows, E!, labels), origin };
}

/** One label per row. @throws ArgumentError */
function labelsOf(given: LabelFile, paths: readonly (string | null)[], file: string): string[] {
  if ('list' in given) {
    if (given.list.length !== paths.length)
      throw new ArgumentError(
        'labels',
        `expected ${paths.length} labels, one per row of the features, got ${given.list.length} in ` +
          `${file}; give each row its own`,
      );
    return given.list;
  }
  return paths.map((path, row) => {
    if (path === null)
      throw new ArgumentError(
        'labels',
        `goes by path in ${file}, but row ${row} of the features has no path; write the features as ` +
          '.safetensors or .jsonl, or give one label per row in a .txt file',
      );
    const label = given.byPath.get(path);
    if (label === undefined)
      throw new ArgumentError(
        'labels',
        `has no label for "${path}" in ${file}; add it, with the path as the features have it`,
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

/** Images with their classes. */
export interface LabelledImages {
  inputs: InputPath[];
  /** One per input. */
  labels: string[];
  /** Files that are no images. */
  passedOver?: PassedOver;
}

/**
 * The images in folders whose subfolders are the classes; subfolders of the same name are one class.
 * @throws Error for a folder without subfolders, or a subfolder without images
 */
export async function labelledImages(folders: readonly string[]): Promise<LabelledImages> {
  const inputs: InputPath[] = [],
    labels: string[] = [];
  const passedOver = new PassedOver();
  for (const folder of folders) {
    const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
    let classes = 0;
    for (const name of names) {
      if (!(await isFolder(join(folder, name)))) continue;
      classes++;
      for await (const input of inputPaths([join(folder, name)], null, passedOver)) {
        inputs.push(input);
        labels.push(name);
      }
    }
    if (classes === 0)
      throw new Error(
        `"${folder}" expected one folder of images per class, got no folders; sort the images into folders named by ` +
          'class',
      );
  }
  return { inputs, labels, passedOver };
}

/**
 * Features of labelled images. Images that fail are left out, with their labels.
 * @param onFailure called for each of them
 */
export async function fromImages(
  { inputs, labels }: LabelledImages,
  loaded: Loaded,
  options: EmbedOptions & { onFailure?: (path: string, error: string) => void } = {},
): Promise<TrainingData> {
  const {
    name: model,
    weights,
    precision,
    architecture: { embed: E },
  } = loaded.model;
  const rows: FloatArray[] = [],
    kept: string[] = [];
  let at = 0;
  const { failed } = await embedImages(
    sourceOf(inputs),
    loaded,
    {
      feature: async (_path, features, row) => {
        rows.push(features.data.slice(row * E, (row + 1) * E));
        kept.push(labels[at++]);
      },
      failure: async (path, error) => {
        at++;
        options.onFailure?.(path, error);
      },
    },
    options,
  );
  const data = precision === 'float64' ? new Float64Array(rows.length * E) : new Float32Array(rows.length * E);
  rows.forEach((row, n) => data.set(row, n * E));
  return {
    features: ndarray(data, [rows.length, E]) as Tensor,
    labels: kept,
    failed,
    origin: { model, weights, pipeline: options.pipeline ?? loaded.model.preprocessing?.pipeline },
  };
}
