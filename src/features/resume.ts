// Feature files in safetensors that a second run continues: rows that the file, or the journal of a run that was
// interrupted, has already are not computed again.
//
// A row counts as known where its path is, and the picture's size and time of change are as they were. What made the
// features must be the same: the names are compared, and, since weights can change under their name, the first known
// row is computed again and compared bit by bit.

import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import type { CLIP } from '../clip/clip.ts';
import type { AtomicFile } from '../formats/atomic-file.ts';
import { littleEndian } from '../formats/little-endian.ts';
import { openTensorFile } from '../formats/open.ts';
import { safetensorsHeader } from '../formats/safetensors-writer.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { InputPath } from './inputs.ts';
import { endedJournals, Journal, readJournal, readRow } from './journal.ts';
import type { Sink, Source } from './pipeline.ts';
import { metadataOf, type FeatureHead } from './write.ts';

/** A row that needs not be computed. */
interface Known {
  readonly stamp: string;
  readonly handle: FileHandle;
  readonly name: string;
  readonly position: number;
}

export class ResumableFeatures implements Sink {
  readonly #file: string;
  readonly #E: number;
  readonly #dtype: 'F32' | 'F64';
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #known = new Map<string, Known>();
  readonly #handles: FileHandle[] = [];
  /** Journals of earlier runs, which go once the file is whole. */
  readonly #ended: string[] = [];
  readonly #journal: Journal;
  /** All inputs in their order. */
  readonly #paths: string[] = [];
  readonly #stamps = new Map<string, string>();
  /** The known row that is computed again. */
  #check: { readonly path: string; readonly known: Known } | null = null;
  #kept = 0;

  private constructor(file: string, head: FeatureHead, E: number, precision: CLIP['precision']) {
    this.#file = file;
    this.#E = E;
    this.#dtype = precision === 'float32' ? 'F32' : 'F64';
    this.#metadata = metadataOf(head);
    this.#journal = new Journal(file, JSON.stringify({ ...this.#metadata, dtype: this.#dtype, width: String(E) }));
  }

  /**
   * Finds what there is already.
   * @param file ends in .safetensors
   * @throws Error if it, or a journal beside it, has features that something else made, naming what differs
   */
  static async open(
    file: string,
    head: FeatureHead,
    E: number,
    precision: CLIP['precision'],
  ): Promise<ResumableFeatures> {
    const features = new ResumableFeatures(file, head, E, precision);
    try {
      await features.#readFile();
      for (const journal of await endedJournals(file)) await features.#readJournal(journal);
      return features;
    } catch (error) {
      await features.close(true);
      throw error;
    }
  }

  /** How many inputs were known. */
  get kept(): number {
    return this.#kept;
  }

  /** The inputs that have to be computed; it takes note of all. */
  async remaining(source: Extract<Source, { paths: unknown }>): Promise<Source> {
    if (source.total === null) return { ...source, paths: this.#unknown(source.paths) };
    const left: InputPath[] = [];
    for await (const input of this.#unknown(source.paths)) left.push(input);
    return {
      ...source,
      paths: (async function* () {
        yield* left;
      })(),
      total: left.length,
    };
  }

  async *#unknown(paths: AsyncIterable<InputPath>): AsyncGenerator<InputPath> {
    for await (const input of paths) {
      const { path, error } = input;
      const found = error === undefined ? await stat(path).catch(() => null) : null;
      if (this.#isLeft(path, found === null ? null : `${found.size} ${found.mtimeMs}`)) yield input;
    }
  }

  /** The same for texts, which are what they are. */
  async *remainingTexts(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
    for await (const text of texts) if (this.#isLeft(text, '')) yield text;
  }

  /** @param stamp when the picture was as it is; null if there is none */
  #isLeft(path: string, stamp: string | null): boolean {
    this.#paths.push(path);
    const known = this.#known.get(path);
    if (stamp !== null) this.#stamps.set(path, stamp);
    if (known === undefined || known.stamp !== stamp) {
      this.#known.delete(path);
      return true;
    }
    if (this.#check === null) {
      this.#check = { path, known };
      return true;
    }
    this.#kept++;
    return false;
  }

  async feature(path: string, features: Tensor, row: number): Promise<void> {
    const bytes = littleEndian(features.data.slice(row * this.#E, (row + 1) * this.#E));
    if (this.#check?.path === path) {
      const { handle, name, position } = this.#check.known;
      if (!(await readRow(handle, name, position, bytes.length)).equals(bytes))
        throw new Error(
          `"${name}" has another feature of ${path} than these weights and options give; name another file, or ` +
            'remove it to begin anew',
        );
      return;
    }
    const stamp = this.#stamps.get(path) ?? '';
    const position = await this.#journal.add(JSON.stringify([path, stamp]), bytes);
    this.#known.set(path, { stamp, handle: this.#journal.handle!, name: this.#journal.path, position });
  }

  failure(path: string): Promise<void> {
    this.#known.delete(path);
    return Promise.resolve();
  }

  /** Writes the file; `close(false)` once it has its name. */
  async complete(output: AtomicFile): Promise<void> {
    const rows = this.#paths.map((path) => this.#known.get(path) ?? null);
    await output.write(
      safetensorsHeader([['features', { dtype: this.#dtype, shape: [rows.length, this.#E] }]], {
        ...this.#metadata,
        paths: JSON.stringify(this.#paths),
        stamps: JSON.stringify(rows.map((known) => known?.stamp ?? null)),
      }),
    );
    const none = littleEndian(
      (this.#dtype === 'F32' ? new Float32Array(this.#E) : new Float64Array(this.#E)).fill(NaN),
    );
    for (const known of rows)
      await output.write(
        known === null ? none : await readRow(known.handle, known.name, known.position, this.#rowBytes),
      );
  }

  /** @param keep whether the run ended early, and its journal is to be continued */
  async close(keep: boolean): Promise<void> {
    for (const handle of this.#handles.splice(0)) await handle.close();
    await this.#journal.close(keep);
    if (!keep) for (const path of this.#ended) await rm(path, { force: true });
  }

  get #rowBytes(): number {
    return this.#E * (this.#dtype === 'F32' ? 4 : 8);
  }

  /** Rows of the file itself; one that is not of this kind is overwritten like any other. */
  async #readFile(): Promise<void> {
    if (!(await stat(this.#file).catch(() => null))?.isFile()) return;
    const raw = await openTensorFile(this.#file).catch(() => null);
    if (raw === null) return;
    try {
      const { paths, stamps, ...made } = raw.metadata;
      const features = raw.tensors.get('features');
      const [names, times] = [listOf(paths), listOf(stamps)];
      if (features === undefined || names === null || times?.length !== names.length) return;
      if (features.shape.length !== 2 || features.shape[0] !== names.length) return;
      this.#requireSame({ ...made, dtype: features.dtype, width: String(features.shape[1]) }, this.#file);
      const handle = await open(this.#file, 'r');
      this.#handles.push(handle);
      for (const [row, path] of names.entries()) {
        const stamp = times[row];
        if (typeof path !== 'string' || typeof stamp !== 'string') continue;
        const position = features.position + row * this.#rowBytes;
        this.#known.set(path, { stamp, handle, name: this.#file, position });
      }
    } finally {
      await raw.close();
    }
  }

  async #readJournal(name: string): Promise<void> {
    const handle = await open(name, 'r');
    this.#handles.push(handle);
    const read = await readJournal(handle, this.#rowBytes);
    this.#ended.push(name);
    if (read === null) return;
    this.#requireSame(JSON.parse(read.head) as Record<string, string>, name);
    for (const { text, position } of read.entries) {
      const [path, stamp] = JSON.parse(text) as [string, string];
      this.#known.set(path, { stamp, handle, name, position });
    }
  }

  #requireSame(made: Readonly<Record<string, string>>, where: string): void {
    const now: Readonly<Record<string, string>> = {
      ...this.#metadata,
      dtype: this.#dtype,
      width: String(this.#E),
    };
    for (const name of new Set([...Object.keys(now), ...Object.keys(made)])) {
      const [then, asked] = [made[name] || 'none', now[name] || 'none'];
      if (then !== asked)
        throw new Error(
          `"${where}" has features with ${name} ${then}, which features with ${name} ${asked} cannot continue; name ` +
            'another file, or remove it to begin anew',
        );
    }
  }
}

function listOf(text: string | undefined): unknown[] | null {
  try {
    const list: unknown = JSON.parse(text ?? '');
    return Array.isArray(list) ? list : null;
  } catch {
    return null;
  }
}
