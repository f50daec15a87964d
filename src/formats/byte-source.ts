// Where the bytes of a file come from: a file that is read by ranges (file-source.ts), or bytes in memory (unpacked
// gzip).

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

export const endsEarly = (name: string, wanted: number, size: number): Error =>
  new Error(`"${name}" ends early: expected at least ${wanted} bytes, got ${size}; copy or download the file again`);

/** Bytes in memory under the same interface. */
export class MemorySource implements ByteSource {
  readonly name: string;
  #bytes: Uint8Array | null;
  readonly size: number;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  read(target: Uint8Array, position: number): Promise<void> {
    if (this.#bytes === null)
      return Promise.reject(new Error(`"${this.name}" is closed: open the checkpoint again to read from it`));
    if (position + target.length > this.size)
      return Promise.reject(endsEarly(this.name, position + target.length, this.size));
    target.set(this.#bytes.subarray(position, position + target.length));
    return Promise.resolve();
  }

  checkUnchanged(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#bytes = null;
    return Promise.resolve();
  }
}

/** The first `length` bytes, fewer if the source is shorter. */
export async function readStart(source: ByteSource, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(length, source.size));
  await source.read(bytes, 0);
  return bytes;
}
