// A file that is written synchronously, under a temporary name beside its own.

import { closeSync, openSync, readSync, renameSync, rmSync, statSync, writeSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** `.NAME.PID.tmp` beside the target. */
export const temporaryName = (target: string): string =>
  join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);

export class NewFile {
  readonly temporary: string;
  readonly #target: string;
  readonly #file: number;
  #open = true;

  /** @throws Error if no file can be made there */
  constructor(target: string, temporary = temporaryName(target)) {
    this.#target = target;
    this.temporary = temporary;
    if (statOf(target)?.isDirectory())
      throw new Error(`"${target}" expected the name of a file, got a folder; add a file name`);
    try {
      this.#file = openSync(temporary, 'w+');
    } catch (error) {
      throw writeError(target, error);
    }
  }

  /** Writes at a position, which may lie after the end. */
  write(bytes: Uint8Array, position: number): void {
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.#file, bytes, done, bytes.length - done, position + done);
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
        if (read === 0) throw new Error(`"${this.temporary}" was cut while it was written; write the dump again`);
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
  }

  discard(): void {
    this.close();
    rmSync(this.temporary, { force: true });
  }
}

/** What lies there; undefined if nothing does. @throws Error if nothing can */
export function statOf(target: string): Stats | undefined {
  try {
    return statSync(target, { throwIfNoEntry: false });
  } catch (error) {
    throw writeError(target, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist; make it first',
  ENOTDIR: 'its folder is a file; name another place',
  EACCES: 'permission is denied; name another place',
  EPERM: 'permission is denied; name another place',
  EROFS: 'the file system is read-only; name another place',
  ENOSPC: 'no space is left; free some or name another place',
  EDQUOT: 'the quota is used up; free some space or name another place',
  ENAMETOOLONG: 'the name is too long; take a shorter one',
};

/** Why nothing can be written somewhere, and what to do about it. @param code of the file system's error */
export const writeReason = (code: string | undefined): string => REASONS[code ?? ''] ?? `${code}; name another place`;

/** An error of the file system as one sentence with its remedy. */
export function writeError(target: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  return code === undefined && error instanceof Error
    ? error
    : new Error(`"${target}" cannot be written: ${writeReason(code)}`, { cause: error });
}
