// Writes safetensors (safetensors.ts has the format). `safetensorsPieces` is a file of tensors that are known;
// SafetensorsWriter takes tensors one by one, leaves room for the header and writes it at the end.

import { sizeOf } from '../ops/tensor.ts';
import { AtomicFileSync } from './atomic-file.ts';
import { ELEMENT_BYTES, type DType, type TensorInfo } from './element-types.ts';

/**
 * The bytes before the data: the header's length, the header, and spaces up to a multiple of 8.
 * @param tensors in the order of their data
 * @param metadata `__metadata__`; left out if undefined
 * @param least pads to at least this many bytes, a multiple of 8
 */
export function safetensorsHeader(
  tensors: Iterable<readonly [name: string, TensorInfo]>,
  metadata?: Readonly<Record<string, string>>,
  least = 0,
): Uint8Array {
  let end = 0;
  const entries = [...tensors].map(([name, { dtype, shape }]) => {
    const begin = end;
    end += sizeOf(shape) * ELEMENT_BYTES[dtype];
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const text = new TextEncoder().encode(
    JSON.stringify({ ...(metadata !== undefined && { __metadata__: metadata }), ...Object.fromEntries(entries) }),
  );
  const header = new Uint8Array(Math.max(least, 8 + 8 * Math.ceil(text.length / 8))).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return header;
}

/** A tensor to write: its elements, little endian and row-major, in as many pieces as the caller has them. */
export interface SafetensorsEntry extends TensorInfo {
  readonly name: string;
  readonly data: Iterable<Uint8Array>;
}

/**
 * A file in pieces, in order: its header, then the data as it is given.
 * @param metadata `__metadata__`; left out if undefined
 * @throws RangeError for a tensor whose data has another size than its shape
 */
export function* safetensorsPieces(
  tensors: readonly SafetensorsEntry[],
  metadata?: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  yield safetensorsHeader(
    tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }]),
    metadata,
  );
  for (const { name, dtype, shape, data } of tensors) {
    const expected = sizeOf(shape) * ELEMENT_BYTES[dtype];
    let length = 0;
    for (const piece of data) {
      length += piece.length;
      yield piece;
    }
    if (length !== expected)
      throw new RangeError(
        `safetensors: "${name}" expected ${expected} bytes, got ${length}; pass all of its elements`,
      );
  }
}

/** A file that grows tensor by tensor, synchronously, and has its name once it is finished. */
export class SafetensorsWriter {
  readonly #file: AtomicFileSync;
  readonly #tensors: [string, TensorInfo][] = [];
  /** Bytes before the data. */
  readonly #room: number;
  #end = 0;

  /**
   * @param room bytes to leave for the header, a multiple of 8; if they turn out to be too few, `finish` moves the data
   * @throws Error in one sentence if it cannot be written there
   */
  constructor(path: string, room = 0) {
    this.#room = room;
    this.#file = new AtomicFileSync(path);
  }

  /** @param bytes the elements, little endian and row-major, as many as `shape` has */
  add(name: string, dtype: DType, shape: readonly number[], bytes: Uint8Array): void {
    this.#file.write(bytes, this.#room + this.#end);
    this.#tensors.push([name, { dtype, shape }]);
    this.#end += bytes.length;
  }

  /** Writes the header and gives the file its name. */
  finish(metadata?: Readonly<Record<string, string>>): void {
    const header = safetensorsHeader(this.#tensors, metadata, this.#room);
    if (header.length > this.#room) this.#file.moveUp(this.#room, header.length, this.#end);
    this.#file.write(header, 0);
    this.#file.finish();
  }

  /** Leaves nothing behind. */
  discard(): void {
    this.#file.discard();
  }
}
