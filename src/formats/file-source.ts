// A file as a source of bytes.

import { open, type FileHandle } from 'node:fs/promises';
import { readError } from './errno.ts';
import { endsEarly, type ByteSource } from './byte-source.ts';

/** A file, read by ranges through one handle: no part of it is held. */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #modified: number;
  #isOpen = true;

  private constructor(name: string, handle: FileHandle, size: number, modified: number) {
    this.name = name;
    this.#handle = handle;
    this.size = size;
    this.#modified = modified;
  }

  /** @throws Error if the path cannot be opened or is not a regular file */
  static async open(path: string): Promise<FileSource> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      throw readError(path, error);
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile())
        throw new Error(
          `"${path}" expected a file of weights, got ` +
            `${stat.isDirectory() ? 'a folder' : 'something that is not a regular file'}; name a file`,
        );
      return new FileSource(path, handle, stat.size, stat.mtimeMs);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async read(target: Uint8Array, position: number): Promise<void> {
    if (!this.#isOpen) throw new Error(`"${this.name}" is closed: open the checkpoint again to read from it`);
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) throw endsEarly(this.name, position + target.length, position + done);
      done += bytesRead;
    }
  }

  async checkUnchanged(): Promise<void> {
    if (!this.#isOpen) throw new Error(`"${this.name}" is closed: open the checkpoint again to read from it`);
    const stat = await this.#handle.stat();
    if (stat.size !== this.size || stat.mtimeMs !== this.#modified)
      throw new Error(`"${this.name}" has changed since it was opened; load it again when no program writes to it`);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }
}
