// One safetensors file. Its header lies before the data and is known only after it: room is left for it, and the data
// moves up if that was too little.

import type { Values } from './values.ts';
import { AtomicFileSync } from './atomic-file.ts';
import type { DumpWriter } from './dump/dump.ts';
import { elementsOf, littleEndian, WrittenNames } from './dump/written-names.ts';

/** Bytes of an entry besides its name: element type, shape and place of a large tensor. */
const ENTRY = 110;
/** Bytes for the metadata, and for names where none are announced. */
const METADATA = 4096;

interface Entry {
  dtype: string;
  shape: readonly number[];
  data_offsets: readonly [number, number];
}

export class SafetensorsWriter implements DumpWriter {
  readonly #file: AtomicFileSync;
  readonly #names = new WrittenNames();
  readonly #entries: [string, Entry][] = [];
  /** Bytes before the data: the header's length and the header. */
  readonly #room: number;
  #end = 0;

  constructor(path: string, names: Iterable<string> = []) {
    let room = 8 + METADATA;
    for (const name of names) room += Buffer.byteLength(name) + ENTRY;
    this.#room = Math.ceil(room / 8) * 8;
    this.#file = new AtomicFileSync(path);
  }

  add(name: string, values: Values): void {
    this.#names.check(name, values);
    const { shape, data } = values;
    this.#file.write(littleEndian(data), this.#room + this.#end);
    this.#entries.push([
      name,
      {
        dtype: elementsOf(data) === 'float32' ? 'F32' : 'F64',
        shape,
        data_offsets: [this.#end, this.#end + data.byteLength],
      },
    ]);
    this.#end += data.byteLength;
  }

  async finish(metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    const text = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(this.#entries) }));
    const start = Math.max(this.#room, Math.ceil((8 + text.length) / 8) * 8);
    if (start > this.#room) this.#file.moveUp(this.#room, start, this.#end);
    const head = Buffer.alloc(start, ' ');
    head.writeBigUInt64LE(BigInt(start - 8));
    text.copy(head, 8);
    this.#file.write(head, 0);
    this.#file.finish();
  }

  async discard(): Promise<void> {
    this.#file.discard();
  }
}
