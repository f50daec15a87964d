// A dump in one safetensors file. Room is left for the header, estimated from the names that are announced.

import { littleEndian } from '../little-endian.ts';
import { SafetensorsWriter } from '../safetensors-writer.ts';
import type { Values } from '../values.ts';
import type { DumpWriter } from './dump.ts';
import { elementsOf, WrittenNames } from './written-names.ts';

/** Bytes of an entry besides its name: element type, shape and offsets of a large tensor. */
const ENTRY = 110;
/** Bytes for the metadata, and for names where none are announced. */
const METADATA = 4096;

export class SafetensorsDumpWriter implements DumpWriter {
  readonly #writer: SafetensorsWriter;
  readonly #names = new WrittenNames();

  /** @param names those that will come, if they are known */
  constructor(path: string, names: Iterable<string> = []) {
    let room = 8 + METADATA;
    for (const name of names) room += Buffer.byteLength(name) + ENTRY;
    this.#writer = new SafetensorsWriter(path, Math.ceil(room / 8) * 8);
  }

  add(name: string, values: Values): void {
    this.#names.check(name, values);
    const { shape, data } = values;
    this.#writer.add(name, elementsOf(data) === 'float32' ? 'F32' : 'F64', shape, littleEndian(data));
  }

  async finish(metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#writer.finish(metadata);
  }

  async discard(): Promise<void> {
    this.#writer.discard();
  }
}
