// What all writers of dumps check and convert.

import type { Values } from '../values.ts';
import { sizeOf } from '../../ops/tensor.ts';

/** Names in the order in which they were written, each once. */
export class WrittenNames {
  readonly #names = new Set<string>();

  /** @throws RangeError for a name that was written before or is empty, or data of another size than its shape */
  check(name: string, { shape, data }: Values): void {
    if (name === '' || name === '__metadata__')
      throw new RangeError(`writeDump: "name" expected a tensor's name, got "${name}"; take the module's path`);
    if (this.#names.has(name))
      throw new RangeError(
        `writeDump: "name" expected a new one, "${name}" was written before; give each tensor its own name`,
      );
    if (sizeOf(shape) !== data.length)
      throw new RangeError(
        `writeDump: "${name}" expected ${sizeOf(shape)} elements for shape (${shape.join(', ')}), got ${data.length}`,
      );
    this.#names.add(name);
  }
}

export const elementsOf = (data: Values['data']): 'float32' | 'float64' =>
  data instanceof Float32Array ? 'float32' : 'float64';
