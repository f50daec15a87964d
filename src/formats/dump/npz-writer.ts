// NumPy's .npz, as numpy.savez writes it: a zip file of .npy arrays, stored. The arrays go to a temporary file first,
// because a zip file wants each part's checksum and a tap cannot wait for a stream.

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { Values } from '../values.ts';
import { METADATA_FILE } from './metadata.ts';
import { AtomicFileSync } from '../atomic-file.ts';
import { littleEndian } from '../little-endian.ts';
import { npyHeaderBytes } from '../npy.ts';
import type { DumpWriter } from './dump.ts';
import { elementsOf, WrittenNames } from './written-names.ts';

/** The zip format's first day, so that the same dump has the same bytes whenever it is written. */
const MODIFIED = new Date(1980, 0, 1);

export class NpzWriter implements DumpWriter {
  readonly #zip: AtomicFileSync;
  readonly #arrays: AtomicFileSync;
  readonly #names = new WrittenNames();
  readonly #places: { name: string; begin: number; size: number }[] = [];
  #end = 0;

  constructor(path: string) {
    this.#zip = new AtomicFileSync(path);
    this.#arrays = new AtomicFileSync(path, `${this.#zip.temporary}.arrays`);
  }

  add(name: string, values: Values): void {
    this.#names.check(name, values);
    const header = npyHeaderBytes(elementsOf(values.data), values.shape);
    this.#arrays.write(header, this.#end);
    this.#arrays.write(littleEndian(values.data), this.#end + header.length);
    const size = header.length + values.data.byteLength;
    this.#places.push({ name, begin: this.#end, size });
    this.#end += size;
  }

  async finish(metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#arrays.close();
    const zip = new ZipFile();
    const output = zip.outputStream as Readable;
    zip.on('error', (error: Error) => output.destroy(error));
    const options = { compress: false, mtime: MODIFIED, mode: 0o100644, forceDosTimestamp: true };
    for (const { name, begin, size } of this.#places) {
      zip.addReadStreamLazy(`${name}.npy`, { ...options, size }, (give) => {
        give(
          null,
          createReadStream(this.#arrays.temporary, { start: begin, end: begin + size - 1, highWaterMark: 1 << 18 }),
        );
      });
    }
    zip.addBuffer(Buffer.from(JSON.stringify(metadata, null, 1)), METADATA_FILE, options);
    zip.end();
    let position = 0;
    for await (const chunk of output as AsyncIterable<Buffer>) {
      this.#zip.write(chunk, position);
      position += chunk.length;
    }
    this.#zip.finish();
    this.#arrays.discard();
  }

  async discard(): Promise<void> {
    this.#zip.discard();
    this.#arrays.discard();
  }
}
