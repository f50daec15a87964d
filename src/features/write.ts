// Writes feature files: JSON Lines, NumPy's .npy (its paths in a side file) or safetensors, by the ending of the file's
// name.

import type { CLIP } from '../clip/clip.ts';
import type { Tensor } from '../ops/tensor.ts';
import { npyHeaderBytes } from '../formats/npy.ts';
import { safetensorsPieces } from '../formats/safetensors-writer.ts';
import { littleEndian } from '../formats/little-endian.ts';
import { ArgumentError } from './argument-error.ts';
import { floatsText } from '../formats/float-text.ts';
import { AtomicFile, type Output } from '../formats/atomic-file.ts';

/** What made the features: the same for all rows of a file. */
export interface FeatureHead {
  /** The model's name. */
  model: string;
  /** Where its weights are from: a path, `synthetic:SEED`, `bundled`. */
  weights: string;
  /** The adapter's path and the input size, where they differ from the model's own. */
  adapter?: string;
  resolution?: number;
  /** null for texts, and for pixels that were given as a tensor. */
  pipeline: string | null;
  /** Whether features were divided by their lengths. */
  normalized?: boolean;
  /** Whether pictures were turned as their EXIF orientation says, and cut off ones taken. */
  exifOrientation?: boolean;
  tolerateTruncated?: boolean;
  /** Default: images. */
  of?: 'texts';
}

/** The head as metadata of a safetensors file. */
export function metadataOf({
  model,
  weights,
  adapter,
  resolution,
  pipeline,
  normalized,
  exifOrientation,
  tolerateTruncated,
  of,
}: FeatureHead): Record<string, string> {
  return {
    model,
    weights,
    ...(adapter !== undefined && { adapter }),
    ...(resolution !== undefined && { resolution: String(resolution) }),
    pipeline: pipeline ?? '',
    ...(normalized && { normalized: 'true' }),
    ...(exifOrientation && { exifOrientation: 'true' }),
    ...(tolerateTruncated && { tolerateTruncated: 'true' }),
    ...(of !== undefined && { of }),
  };
}

/** Takes one entry per image, in input order. */
export interface FeatureWriter {
  /** Row `row` of `features` (n,E). */
  feature(path: string, features: Tensor, row: number): Promise<void>;
  /** An image without a feature, and why. Arrays get a row of NaN. */
  failure(path: string, error: string): Promise<void>;
  /** Writes what is known only after the last entry; the output stays open. */
  complete(): Promise<void>;
}

/** A feature file that is being written. */
export interface FeatureFile extends Omit<FeatureWriter, 'complete'> {
  /** Completes the file, which only now gets its name. */
  finish(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/**
 * Creates a feature file.
 * @param file ends in .npy or .safetensors; any other name is written as JSON Lines
 * @param E the number of columns
 * @throws ArgumentError (`out`) for the ending of a format that is not written here; Error if it cannot be created
 */
export async function createFeatureFile(
  file: string,
  head: FeatureHead,
  E: number,
  precision: CLIP['precision'] = 'float32',
): Promise<FeatureFile> {
  checkEnding(file);
  const output = await AtomicFile.create(file);
  const writer = featureWriter(output, file, head, E, precision);
  return {
    feature: (...row) => writer.feature(...row),
    failure: (...one) => writer.failure(...one),
    async finish() {
      await writer.complete();
      await output.finish();
    },
    discard: () => output.discard(),
  };
}

/**
 * Writes features into an output that is open already.
 * @param output .npy and .safetensors need an AtomicFile
 * @param file its name, whose ending says in which format; undefined for JSON Lines
 * @param E the number of columns
 */
export function featureWriter(
  output: Output,
  file: string | undefined,
  head: FeatureHead,
  E: number,
  precision: CLIP['precision'],
): FeatureWriter {
  if (output instanceof AtomicFile && /\.npy$/i.test(file ?? ''))
    return new NumPy(output, sideFile(file!), head, E, precision);
  if (output instanceof AtomicFile && /\.safetensors$/i.test(file ?? ''))
    return new Safetensors(output, head, E, precision);
  return new JsonLines(output, head);
}

/** @throws ArgumentError (`out`) for the ending of a format that is not written here */
export function checkEnding(out: string | undefined): void {
  const other = /\.(npz|csv|tsv|parquet|pt|pth|h5|bin|png|jpe?g)$/i.exec(out ?? '')?.[0];
  if (other)
    throw new ArgumentError(
      'out',
      `expected a name that ends in .jsonl, .npy or .safetensors, got "${out}"; ${other} is not written`,
    );
}

class JsonLines implements FeatureWriter {
  readonly #output: Output;
  readonly #head: string;
  readonly #name: 'path' | 'text';

  constructor(output: Output, { model, weights, adapter, resolution, pipeline, of }: FeatureHead) {
    this.#output = output;
    this.#name = of === 'texts' ? 'text' : 'path';
    const made = { model, weights, adapter, resolution, ...(of === undefined && { pipeline }) };
    this.#head = JSON.stringify(made).slice(1, -1);
  }

  feature(path: string, features: Tensor, row: number): Promise<void> {
    const E = features.shape[1];
    return this.#output.write(
      `{"${this.#name}":${JSON.stringify(path)},${this.#head},"features":${floatsText(features.data, row * E, (row + 1) * E)}}\n`,
    );
  }

  failure(path: string, error: string): Promise<void> {
    return this.#output.write(`${JSON.stringify({ path, error })}\n`);
  }

  complete(): Promise<void> {
    return Promise.resolve();
  }
}

/** The file beside a .npy that says what its rows are: `features.npy.json`. */
export const sideFile = (file: string): string => `${file}.json`;

/** (N,E); the row of an image that failed is NaN, so that row i stays input i. The paths go into the side file. */
class NumPy implements FeatureWriter {
  readonly #file: AtomicFile;
  readonly #side: string;
  readonly #head: FeatureHead;
  readonly #E: number;
  readonly #paths: string[] = [];
  readonly #precision: CLIP['precision'];
  #rows = 0;
  #began = false;

  constructor(file: AtomicFile, side: string, head: FeatureHead, E: number, precision: CLIP['precision']) {
    this.#file = file;
    this.#side = side;
    this.#head = head;
    this.#E = E;
    this.#precision = precision;
  }

  async feature(path: string, features: Tensor, row: number): Promise<void> {
    this.#paths.push(path);
    await this.#row(littleEndian(features.data.subarray(row * this.#E, (row + 1) * this.#E)));
  }

  async failure(path: string): Promise<void> {
    this.#paths.push(path);
    await this.#row(
      littleEndian((this.#precision === 'float32' ? new Float32Array(this.#E) : new Float64Array(this.#E)).fill(NaN)),
    );
  }

  async complete(): Promise<void> {
    if (!this.#began) await this.#file.write(this.#header());
    else await this.#file.rewrite(this.#header());
    const side = await AtomicFile.create(this.#side);
    try {
      await side.write(`${JSON.stringify({ ...metadataOf(this.#head), paths: this.#paths }, null, 1)}\n`);
      await side.finish();
    } catch (error) {
      await side.discard();
      throw error;
    }
  }

  async #row(bytes: Uint8Array): Promise<void> {
    if (!this.#began) await this.#file.write(this.#header()); // its room; the number of rows is only known at the end
    this.#began = true;
    await this.#file.write(bytes);
    this.#rows++;
  }

  /** Always 128 bytes, however many rows there are. */
  #header(): Uint8Array {
    return npyHeaderBytes(this.#precision, [this.#rows, this.#E], 128);
  }
}

/** The tensor `features` (N,E), NaN where an image failed; the paths as a JSON list in the metadata. */
class Safetensors implements FeatureWriter {
  readonly #file: AtomicFile;
  readonly #head: FeatureHead;
  readonly #E: number;
  readonly #precision: CLIP['precision'];
  readonly #paths: string[] = [];
  readonly #rows: Uint8Array[] = [];

  constructor(file: AtomicFile, head: FeatureHead, E: number, precision: CLIP['precision']) {
    this.#file = file;
    this.#head = head;
    this.#E = E;
    this.#precision = precision;
  }

  feature(path: string, features: Tensor, row: number): Promise<void> {
    this.#paths.push(path);
    this.#rows.push(littleEndian(features.data.slice(row * this.#E, (row + 1) * this.#E)));
    return Promise.resolve();
  }

  failure(path: string): Promise<void> {
    this.#paths.push(path);
    this.#rows.push(
      littleEndian((this.#precision === 'float32' ? new Float32Array(this.#E) : new Float64Array(this.#E)).fill(NaN)),
    );
    return Promise.resolve();
  }

  async complete(): Promise<void> {
    const dtype = this.#precision === 'float32' ? 'F32' : 'F64';
    const features = { name: 'features', dtype, shape: [this.#rows.length, this.#E], data: this.#rows } as const;
    const metadata = { ...metadataOf(this.#head), paths: JSON.stringify(this.#paths) };
    for (const piece of safetensorsPieces([features], metadata)) await this.#file.write(piece);
  }
}
