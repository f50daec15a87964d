// Tensors that are needed again later: in memory while they are few, in a temporary file when they are many. A trace of
// a large model (ViT-L/14: 353 MB) is never held, yet every layer of it can be asked for when its turn comes.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Values } from '../formats/values.ts';

/** Bytes that are kept in memory before the file is made. */
const IN_MEMORY = 64 << 20;

interface Entry {
  readonly shape: readonly number[];
  readonly elements: 'float32' | 'float64';
  readonly length: number;
  /** null once it is in the file. */
  data: Values['data'] | null;
  position: number;
}

/** Everything is synchronous, because layers are and a tap sits among them. */
export class Spill {
  readonly #entries = new Map<string, Entry>();
  readonly #limit: number;
  #file: number | null = null;
  #folder: string | null = null;
  /** Bytes added so far. */
  #bytes = 0;
  #end = 0;
  #closed = false;

  /** @param limit bytes that are kept in memory before a temporary file takes them. Default 64 MB. */
  constructor(limit: number = IN_MEMORY) {
    this.#limit = limit;
  }

  /** Names in the order in which they were added. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Whether a temporary file is in use. */
  get onDisk(): boolean {
    return this.#file !== null;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Keeps a copy.
   * @throws RangeError if the name was added before; Error if the temporary file cannot be written
   */
  add(name: string, { shape, data }: Values): void {
    this.#checkOpen();
    if (this.#entries.has(name))
      throw new RangeError(`spill: "${name}" was added before; give each tensor its own name`);
    const entry: Entry = {
      shape: [...shape],
      elements: data instanceof Float32Array ? 'float32' : 'float64',
      length: data.length,
      data: null,
      position: 0,
    };
    this.#bytes += data.byteLength;
    if (this.#bytes <= this.#limit) {
      entry.data = data.slice();
    } else {
      if (this.#file === null) this.#begin();
      this.#write(entry, data);
    }
    this.#entries.set(name, entry);
  }

  /**
   * What was added under this name. The caller must not write to it: while it is in memory, it is the kept copy
   * itself.
   * @throws RangeError for a name that was never added
   */
  read(name: string): Values {
    this.#checkOpen();
    const entry = this.#entries.get(name);
    if (entry === undefined)
      throw new RangeError(
        `spill: expected a name that was added, got "${name}"; it has ${this.#entries.size} tensors`,
      );
    if (entry.data !== null) return { shape: entry.shape, data: entry.data };
    const data = entry.elements === 'float32' ? new Float32Array(entry.length) : new Float64Array(entry.length);
    const bytes = new Uint8Array(data.buffer);
    for (let done = 0; done < bytes.length;) {
      const count = readSync(this.#file!, bytes, done, bytes.length - done, entry.position + done);
      if (count === 0)
        throw new Error(
          `the temporary file in "${this.#folder}" ends early; does something clean up there? Run it again`,
        );
      done += count;
    }
    return { shape: entry.shape, data };
  }

  /** Forgets everything and removes the file. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#entries.clear();
    if (this.#file !== null) closeSync(this.#file);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Makes the file and moves what is in memory there. */
  #begin(): void {
    this.#folder = mkdtempSync(join(tmpdir(), 'clip-oracle-'));
    this.#file = openSync(join(this.#folder, 'spill'), 'w+', 0o600);
    // Where open files can be removed, this one is gone from its folder now, so that nothing stays behind however the
    // process ends.
    if (process.platform !== 'win32') {
      rmSync(this.#folder, { recursive: true, force: true });
    }
    for (const entry of this.#entries.values()) {
      if (entry.data === null) continue;
      this.#write(entry, entry.data);
      entry.data = null;
    }
  }

  #write(entry: Entry, data: Values['data']): void {
    entry.position = this.#end;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.#file!, bytes, done, bytes.length - done, entry.position + done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new Error(
        `the temporary file in "${tmpdir()}" cannot be written (${code}); free some space there, or name ` +
          'another folder in TMPDIR',
        { cause: error },
      );
    }
    this.#end += bytes.length;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('spill: it is closed; make a new one');
  }
}
