// The formats that features are written in, by the name of --out: JSON Lines, NumPy's .npy, safetensors.

import type { Tensor } from '../ops/tensor.ts';
import { npyHeaderBytes } from '../formats/npy.ts';
import { safetensorsHeader } from '../formats/safetensors-writer.ts';
import { littleEndian } from '../formats/little-endian.ts';
import { CommandError } from '../cli/errors.ts';
import { floatsText } from '../formats/float-text.ts';
import { standardOutput, type AtomicFile, type Output } from '../formats/atomic-file.ts';

/** What is the same on every line. */
export interface FeatureHead {
  model: string;
  weights: string;
  /** The adapter's path and the input size, where they were asked for. */
  adapter?: string;
  resolution?: number;
  /** null for ready pixels. */
  pipeline: string | null;
}

/** Takes one entry per image, in input order. */
export interface FeatureOutput {
  /** Row `row` of `features` (n,E). */
  feature(path: string, features: Tensor, row: number): Promise<void>;
  failure(path: string, error: string): Promise<void>;
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * @param file where it goes; null for standard output
 * @param out the value of --out, whose ending says in which format
 * @param E the features' width
 */
export function featureOutput(
  file: AtomicFile | null,
  out: string | undefined,
  head: FeatureHead,
  E: number,
  precision: 'float32' | 'float64',
): FeatureOutput {
  if (file === null || out === undefined) return new JsonLines(standardOutput, head);
  if (/\.npy$/i.test(out)) return new NumPy(file, E, precision);
  if (/\.safetensors$/i.test(out)) return new Safetensors(file, head, E, precision);
  return new JsonLines(file, head);
}

/** @throws CommandError for an ending that promises a format which is not written here */
export function checkEnding(out: string | undefined): void {
  const other = /\.(npz|csv|tsv|parquet|pt|pth|h5|bin|png|jpe?g)$/i.exec(out ?? '')?.[0];
  if (other)
    throw new CommandError(
      `--out expected a name that ends in .jsonl, .npy or .safetensors, got "${out}"; ${other} is not written`,
    );
}

class JsonLines implements FeatureOutput {
  readonly #output: Output;
  readonly #head: string;

  constructor(output: Output, { model, weights, adapter, resolution, pipeline }: FeatureHead) {
    this.#output = output;
    this.#head = JSON.stringify({ model, weights, adapter, resolution, pipeline }).slice(1, -1);
  }

  feature(path: string, features: Tensor, row: number): Promise<void> {
    const E = features.shape[1];
    return this.#output.write(
      `{"path":${JSON.stringify(path)},${this.#head},"features":${floatsText(features.data, row * E, (row + 1) * E)}}\n`,
    );
  }

  failure(path: string, error: string): Promise<void> {
    return this.#output.write(`${JSON.stringify({ path, error })}\n`);
  }

  finish(): Promise<void> {
    return this.#output.finish();
  }

  discard(): Promise<void> {
    return this.#output.discard();
  }
}

/** (N,E); the row of an image that failed is NaN, so that row i stays input i. */
class NumPy implements FeatureOutput {
  readonly #file: AtomicFile;
  readonly #E: number;
  readonly #precision: 'float32' | 'float64';
  #rows = 0;
  #began = false;

  constructor(file: AtomicFile, E: number, precision: 'float32' | 'float64') {
    this.#file = file;
    this.#E = E;
    this.#precision = precision;
  }

  async feature(_path: string, features: Tensor, row: number): Promise<void> {
    await this.#row(littleEndian(features.data.subarray(row * this.#E, (row + 1) * this.#E)));
  }

  async failure(): Promise<void> {
    await this.#row(
      littleEndian((this.#precision === 'float32' ? new Float32Array(this.#E) : new Float64Array(this.#E)).fill(NaN)),
    );
  }

  async finish(): Promise<void> {
    if (!this.#began) await this.#file.write(this.#header());
    else await this.#file.rewrite(this.#header());
    await this.#file.finish();
  }

  discard(): Promise<void> {
    return this.#file.discard();
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
class Safetensors implements FeatureOutput {
  readonly #file: AtomicFile;
  readonly #head: FeatureHead;
  readonly #E: number;
  readonly #precision: 'float32' | 'float64';
  readonly #paths: string[] = [];
  readonly #rows: Uint8Array[] = [];

  constructor(file: AtomicFile, head: FeatureHead, E: number, precision: 'float32' | 'float64') {
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

  async finish(): Promise<void> {
    const { model, weights, adapter, resolution, pipeline } = this.#head;
    const changes = {
      ...(adapter !== undefined && { adapter }),
      ...(resolution !== undefined && { resolution: String(resolution) }),
    };
    const dtype = this.#precision === 'float32' ? 'F32' : 'F64';
    await this.#file.write(
      safetensorsHeader([['features', { dtype, shape: [this.#rows.length, this.#E] }]], {
        model,
        weights,
        ...changes,
        pipeline: pipeline ?? '',
        paths: JSON.stringify(this.#paths),
      }),
    );
    for (const row of this.#rows) await this.#file.write(row);
    await this.#file.finish();
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }
}
