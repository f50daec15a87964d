// Where output goes: standard output, or a file that has its name only once it is whole.

import { rmSync } from 'node:fs';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { temporaryName, writeReason } from './new-file.ts';
import { CommandError } from '../cli/errors.ts';
import { onInterrupt } from '../cli/interrupt.ts';

export interface Output {
  write(bytes: Uint8Array | string): Promise<void>;
  /** Everything has been written. */
  finish(): Promise<void>;
  /** Something failed: nothing half-written stays. */
  discard(): Promise<void>;
}

/** Standard output, waiting where the reader is slow. */
export const standardOutput: Output = {
  write: (bytes) =>
    new Promise((done) => {
      if (process.stdout.write(bytes)) done();
      else process.stdout.once('drain', done);
    }),
  finish: () => Promise.resolve(),
  discard: () => Promise.resolve(),
};

/** A file under a temporary name beside the final one. */
export class OutFile implements Output {
  readonly #target: string;
  /** null where the target is no ordinary file (/dev/null, a pipe) and is written directly. */
  readonly #temporary: string | null;
  readonly #handle: FileHandle;
  readonly #forget: () => void;
  #position = 0;

  private constructor(target: string, temporary: string | null, handle: FileHandle, forget: () => void) {
    this.#target = target;
    this.#temporary = temporary;
    this.#handle = handle;
    this.#forget = forget;
  }

  /** @throws CommandError in one sentence if it cannot be written there */
  static async create(target: string): Promise<OutFile> {
    try {
      const found = await stat(target).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (found?.isDirectory()) throw new CommandError(`--out expected a file, ${target} is a folder; add a file name`);
      const temporary = found !== null && !found.isFile() ? null : temporaryName(target);
      // Before the file is there: an interruption in between would leave it.
      const forget = onInterrupt(() => {
        if (temporary !== null) rmSync(temporary, { force: true });
      });
      const handle = await open(temporary ?? target, 'w').catch((error: unknown) => {
        forget();
        throw error;
      });
      return new OutFile(target, temporary, handle, forget);
    } catch (error) {
      throw refused(error, target);
    }
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    await this.#write(data, this.#temporary === null ? null : this.#position);
    this.#position += data.length;
  }

  /** Overwrites the beginning, such as a header that only now is known. */
  async rewrite(bytes: Uint8Array): Promise<void> {
    if (this.#temporary === null)
      throw new CommandError(
        `--out ${this.#target} is no ordinary file, which this format needs; write to a file or take .jsonl`,
      );
    await this.#write(bytes, 0);
  }

  async finish(): Promise<void> {
    try {
      await this.#handle.close();
      if (this.#temporary !== null) await rename(this.#temporary, this.#target);
    } catch (error) {
      throw refused(error, this.#target);
    }
    this.#forget();
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#temporary !== null) await rm(this.#temporary, { force: true });
    this.#forget();
  }

  async #write(data: Uint8Array, position: number | null): Promise<void> {
    try {
      for (let done = 0; done < data.length;) {
        done += (await this.#handle.write(data, done, data.length - done, position === null ? null : position + done))
          .bytesWritten;
      }
    } catch (error) {
      throw refused(error, this.#target);
    }
  }
}

function refused(error: unknown, target: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  return code === undefined || error instanceof CommandError
    ? error
    : new CommandError(`--out cannot write ${target}: ${writeReason(code)}`);
}
