// Files that get their name only once they are whole: they are written under a temporary name beside it and renamed at
// the end. AtomicFile waits for the disk without blocking; AtomicFileSync blocks, for taps that run inside a network.

import {
  closeSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type PathLike,
  type Stats,
} from 'node:fs';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeError } from './errno.ts';

/** Where output goes. */
export interface Output {
  write(bytes: Uint8Array | string): Promise<void>;
  /** Everything has been written. */
  finish(): Promise<void>;
  /** Something failed: nothing half-written stays. */
  discard(): Promise<void>;
}

/** Standard output; `write` waits while its reader is slow. */
export const standardOutput: Output = {
  write: (bytes) =>
    new Promise((done) => {
      if (process.stdout.write(bytes)) done();
      else process.stdout.once('drain', done);
    }),
  finish: () => Promise.resolve(),
  discard: () => Promise.resolve(),
};

/** `.NAME.PID.tmp` in the folder of the target. */
export const temporaryName = (target: string): string =>
  join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);

const unfinished = new Set<string>();
let watcher: (some: boolean) => void = () => undefined;

/**
 * Announces a temporary file or folder, before it exists, so that a process that is interrupted can remove it.
 * @returns to be called once it has been renamed or removed
 */
export function markUnfinished(temporary: string): () => void {
  unfinished.add(temporary);
  if (unfinished.size === 1) watcher(true);
  return () => {
    if (unfinished.delete(temporary) && unfinished.size === 0) watcher(false);
  };
}

/** Calls `changed` with true when the first temporary file is announced, with false when none is left. */
export function watchUnfinished(changed: (some: boolean) => void): void {
  watcher = changed;
}

/** Removes every temporary file and folder of this process, synchronously: for a process that is about to end. */
export function removeUnfinished(): void {
  for (const temporary of unfinished) {
    unfinished.delete(temporary);
    try {
      rmSync(temporary, { recursive: true, force: true });
    } catch {
      // The others are still removed.
    }
  }
}

/** Written asynchronously, from its beginning to its end. */
export class AtomicFile implements Output {
  readonly #target: string;
  /** null where the target is not a regular file (/dev/null, a pipe) and is written directly. */
  readonly #temporary: string | null;
  readonly #handle: FileHandle;
  readonly #done: () => void;
  #position = 0;

  private constructor(target: string, temporary: string | null, handle: FileHandle, done: () => void) {
    this.#target = target;
    this.#temporary = temporary;
    this.#handle = handle;
    this.#done = done;
  }

  /** @throws Error in one sentence if it cannot be written there */
  static async create(target: string): Promise<AtomicFile> {
    const found = await stat(target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw writeError(target, error);
    });
    if (found?.isDirectory()) throw isFolder(target);
    const temporary = found !== null && !found.isFile() ? null : temporaryName(target);
    const done = temporary === null ? (): void => undefined : markUnfinished(temporary);
    const handle = await open(temporary ?? target, 'w').catch((error: unknown) => {
      done();
      throw writeError(target, error);
    });
    return new AtomicFile(target, temporary, handle, done);
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    await this.#write(data, this.#temporary === null ? null : this.#position);
    this.#position += data.length;
  }

  /** Overwrites the beginning, for a header that is known only at the end. */
  async rewrite(bytes: Uint8Array): Promise<void> {
    if (this.#temporary === null)
      throw new Error(
        `"${this.#target}" is not a regular file, which this format needs; write to a regular file or choose .jsonl`,
      );
    await this.#write(bytes, 0);
  }

  async finish(): Promise<void> {
    try {
      await this.#handle.close();
      if (this.#temporary !== null) await rename(this.#temporary, this.#target);
    } catch (error) {
      throw writeError(this.#target, error);
    }
    this.#done();
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#temporary !== null) await rm(this.#temporary, { force: true });
    this.#done();
  }

  async #write(data: Uint8Array, position: number | null): Promise<void> {
    try {
      for (let done = 0; done < data.length;) {
        done += (await this.#handle.write(data, done, data.length - done, position === null ? null : position + done))
          .bytesWritten;
      }
    } catch (error) {
      throw writeError(this.#target, error);
    }
  }
}

/** Written synchronously, at any position. */
export class AtomicFileSync {
  /** Where the bytes are until `finish`. */
  readonly temporary: string;
  readonly #target: string;
  readonly #file: number;
  readonly #done: () => void;
  #open = true;

  /**
   * @param target its name in the end
   * @throws Error in one sentence if it cannot be written there
   */
  constructor(target: string, temporary = temporaryName(target)) {
    this.#target = target;
    this.temporary = temporary;
    if (statOf(target)?.isDirectory()) throw isFolder(target);
    this.#done = markUnfinished(temporary);
    try {
      this.#file = openSync(temporary, 'w+');
    } catch (error) {
      this.#done();
      throw writeError(target, error);
    }
  }

  /** Writes at a position, which may be beyond the end. */
  write(bytes: Uint8Array, position: number): void {
    try {
      writeAll(this.#file, bytes, position);
    } catch (error) {
      throw writeError(this.#target, error);
    }
  }

  /** Moves the `length` bytes from `from` on to the later place `to`, from their end to their beginning. */
  moveUp(from: number, to: number, length: number): void {
    const buffer = new Uint8Array(Math.min(length, 1 << 20));
    for (let end = length; end > 0;) {
      const count = Math.min(buffer.length, end);
      end -= count;
      for (let done = 0; done < count;) {
        const read = readSync(this.#file, buffer, done, count - done, from + end + done);
        if (read === 0) throw new Error(`"${this.temporary}" was truncated while it was written; write the dump again`);
        done += read;
      }
      this.write(buffer.subarray(0, count), to + end);
    }
  }

  /** Closes it, still under its temporary name. */
  close(): void {
    if (this.#open) closeSync(this.#file);
    this.#open = false;
  }

  /** Closes it and gives it its name. */
  finish(): void {
    this.close();
    try {
      renameSync(this.temporary, this.#target);
    } catch (error) {
      throw writeError(this.#target, error);
    }
    this.#done();
  }

  /** Closes and removes it. */
  discard(): void {
    this.close();
    rmSync(this.temporary, { force: true });
    this.#done();
  }
}

/** A file that is whole at once: text, or the parts of an array. For files in a temporary folder. */
export function writeFileParts(path: PathLike, parts: readonly Uint8Array[]): void {
  const file = openSync(path, 'w');
  try {
    let position = 0;
    for (const part of parts) {
      writeAll(file, part, position);
      position += part.length;
    }
  } finally {
    closeSync(file);
  }
}

/** What is at a path; undefined if nothing is. @throws Error in one sentence if nothing can be */
export function statOf(target: string): Stats | undefined {
  try {
    return statSync(target, { throwIfNoEntry: false });
  } catch (error) {
    throw writeError(target, error);
  }
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}

const isFolder = (target: string): Error =>
  new Error(`"${target}" expected the name of a file, got a folder; add a file name`);
