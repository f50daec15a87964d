// The conformance artefact: SHA-256 of numbers, defined so that any language can repeat it.
//
// Of a tensor: the SHA-256 of its elements in row-major order as little-endian IEEE 754 numbers of their own precision,
// where every NaN is 7fc00000 (float32) or 7ff8000000000000 (float64). The shape is not part of it, -0 is not +0.
// Of all: the SHA-256 of the lines "HEX  NAME\n" (two spaces, UTF-8) in ascending order of the names' bytes. Thus
//     clip-oracle trace … --hash | head -n -1 | LC_ALL=C sort -k 2 | sha256sum
// gives the last line again.

import { createHash } from 'node:crypto';
import { canonicalBytes } from '../formats/canonical-bytes.ts';
import type { Values } from '../formats/values.ts';

/** SHA-256 of a tensor's numbers, in hexadecimal digits. */
export function hashValues({ data }: Pick<Values, 'data'>): string {
  return createHash('sha256').update(canonicalBytes(data)).digest('hex');
}

/** Hashes of named tensors, and of all of them together. */
export class TraceHashes {
  readonly #hashes = new Map<string, string>();

  /** @returns the tensor's own hash. @throws RangeError for a name that was added before */
  add(name: string, values: Pick<Values, 'data'>): string {
    if (this.#hashes.has(name))
      throw new RangeError(`hashes: "${name}" was added before; give each tensor its own name`);
    const hash = hashValues(values);
    this.#hashes.set(name, hash);
    return hash;
  }

  /** By name, in the order in which they were added. */
  get tensors(): ReadonlyMap<string, string> {
    return this.#hashes;
  }

  /** The hash of all. */
  all(): string {
    const lines = [...this.#hashes]
      .map(([name, hash]) => ({ name: Buffer.from(name), hash }))
      .sort((a, b) => Buffer.compare(a.name, b.name));
    const hash = createHash('sha256');
    for (const line of lines) hash.update(line.hash).update('  ').update(line.name).update('\n');
    return hash.digest('hex');
  }
}
