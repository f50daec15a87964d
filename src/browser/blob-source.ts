// A Blob (a dropped file, or what was fetched) as a source of bytes: read by ranges, never whole.

import { endsEarly, type ByteSource } from '../formats/byte-source.ts';

export class BlobSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #blob: Blob;
  #isOpen = true;

  constructor(name: string, blob: Blob) {
    this.name = name;
    this.size = blob.size;
    this.#blob = blob;
  }

  async read(target: Uint8Array, position: number): Promise<void> {
    if (!this.#isOpen) throw new Error(`"${this.name}" is closed: open the checkpoint again to read from it`);
    const end = position + target.length;
    if (end > this.size) throw endsEarly(this.name, end, this.size);
    let bytes: ArrayBuffer;
    try {
      bytes = await this.#blob.slice(position, end).arrayBuffer();
    } catch (error) {
      // What browsers say of a file that has been written to, moved or removed.
      throw new Error(
        `"${this.name}" cannot be read any more (${error instanceof Error ? error.message : String(error)}); ` +
          'if the file has changed, choose it again',
        { cause: error },
      );
    }
    if (bytes.byteLength < target.length) throw endsEarly(this.name, end, position + bytes.byteLength);
    target.set(new Uint8Array(bytes));
  }

  /** Browsers refuse to read a file that has changed. */
  checkUnchanged(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }
}
