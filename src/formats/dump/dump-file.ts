// A file of a dump, read synchronously, because taps read from it while a network computes. It is a ByteSource, too,
// for the readers of headers.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../byte-source.ts';
import { readError } from '../errno.ts';

export class DumpFile implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #file: number;
  readonly #modified: number;
  #open = true;

  /** @throws Error if the path cannot be opened or is not a regular file */
  constructor(path: string) {
    this.name = path;
    try {
      this.#file = openSync(path, 'r');
    } catch (error) {
      throw readError(path, error);
    }
    const stat = fstatSync(this.#file);
    if (!stat.isFile()) {
      closeSync(this.#file);
      throw new Error(
        `"${path}" expected a file, got ` +
          `${stat.isDirectory() ? 'a folder' : 'something that is not a regular file'}; name a dump`,
      );
    }
    this.size = stat.size;
    this.#modified = stat.mtimeMs;
  }

  /**
   * Fills the whole of `target` from `position` on. @throws Error if the file ends before that, has changed or is
   * closed
   */
  readNow(target: Uint8Array, position: number): void {
    this.#check();
    for (let done = 0; done < target.length;) {
      const count = readSync(this.#file, target, done, target.length - done, position + done);
      if (count === 0)
        throw new Error(
          `"${this.name}" ends early: expected at least ${position + target.length} bytes, got ` +
            `${position + done}; copy or dump it again`,
        );
      done += count;
    }
  }

  /** `length` bytes from `position` on. */
  bytes(position: number, length: number): Uint8Array<ArrayBuffer> {
    const target = new Uint8Array(length);
    this.readNow(target, position);
    return target;
  }

  async read(target: Uint8Array, position: number): Promise<void> {
    this.readNow(target, position);
  }

  async checkUnchanged(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#file);
  }

  #check(): void {
    if (!this.#open) throw new Error(`"${this.name}" is closed: open the dump again to read from it`);
    const stat = fstatSync(this.#file);
    if (stat.size !== this.size || stat.mtimeMs !== this.#modified)
      throw new Error(`"${this.name}" has changed since it was opened; open it again when no program writes to it`);
  }
}
