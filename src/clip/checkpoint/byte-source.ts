// Where the bytes of a checkpoint come from: a file that is read by ranges, or bytes that already lie in memory (unpacked gzip).

import { open, type FileHandle } from 'node:fs/promises';

export interface ByteSource {
  /** What to call it in messages: a path, or a path and the part inside it. */
  readonly name: string;
  readonly size: number;
  /** Fills the whole of `target` from `position` on. @throws Error if the source ends before that */
  read(target: Uint8Array, position: number): Promise<void>;
  /** @throws Error if the file has been written to since it was opened */
  checkUnchanged(): Promise<void>;
  close(): Promise<void>;
}

const endsEarly = (name: string, wanted: number, size: number): Error =>
  new Error(`"${name}" ends early: expected at least ${wanted} bytes, got ${size}; copy or download the file again`);

/** A file, read by ranges through one handle: no part of it is held. */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly handle: FileHandle;
  private readonly modified: number;
  private isOpen = true;

  private constructor(name: string, handle: FileHandle, size: number, modified: number) {
    this.name = name;
    this.handle = handle;
    this.size = size;
    this.modified = modified;
  }

  /** @throws Error if the path cannot be opened or is no regular file */
  static async open(path: string): Promise<FileSource> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      throw fileError(path, error);
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error(`"${path}" expected a file of weights, got ${stat.isDirectory() ? 'a folder' : 'something that is no regular file'}; name a file`);
      return new FileSource(path, handle, stat.size, stat.mtimeMs);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async read(target: Uint8Array, position: number): Promise<void> {
    if (!this.isOpen) throw new Error(`"${this.name}" is closed: open the checkpoint again to read from it`);
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.handle.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) throw endsEarly(this.name, position + target.length, position + done);
      done += bytesRead;
    }
  }

  async checkUnchanged(): Promise<void> {
    if (!this.isOpen) throw new Error(`"${this.name}" is closed: open the checkpoint again to read from it`);
    const stat = await this.handle.stat();
    if (stat.size !== this.size || stat.mtimeMs !== this.modified) throw new Error(`"${this.name}" has changed since it was opened; load it again when nobody writes to it`);
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.handle.close();
  }
}

/** Bytes in memory under the same interface. */
export class MemorySource implements ByteSource {
  readonly name: string;
  private bytes: Uint8Array | null;
  readonly size: number;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
    this.size = bytes.length;
  }

  read(target: Uint8Array, position: number): Promise<void> {
    if (this.bytes === null) return Promise.reject(new Error(`"${this.name}" is closed: open the checkpoint again to read from it`));
    if (position + target.length > this.size) return Promise.reject(endsEarly(this.name, position + target.length, this.size));
    target.set(this.bytes.subarray(position, position + target.length));
    return Promise.resolve();
  }

  checkUnchanged(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.bytes = null;
    return Promise.resolve();
  }
}

/** The first `length` bytes, fewer if the source is shorter. */
export async function readStart(source: ByteSource, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(length, source.size));
  await source.read(bytes, 0);
  return bytes;
}

/** An error of the file system as one sentence with its remedy. */
export function fileError(path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new Error(`"${path}" does not exist; check the path`);
  if (code === 'EACCES' || code === 'EPERM') return new Error(`"${path}" may not be read by this user; change its permissions`);
  if (code === 'ENOTDIR') return new Error(`"${path}" names a file as if it were a folder; check the path`);
  return new Error(`"${path}" cannot be read (${code ?? String(error)}); check the path`);
}
