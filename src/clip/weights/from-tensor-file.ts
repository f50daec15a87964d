// The CLIP model in a file that was opened, under OpenAI's names.

import type { Checkpoint } from './checkpoint.ts';
import type { TensorInfo } from '../../formats/element-types.ts';
import { assertFinite } from '../../formats/finite.ts';
import { findModel } from './layouts.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { readStored } from '../../formats/stored-tensor.ts';
import { sizeOf } from '../../ops/tensor.ts';

/**
 * The checkpoint in an open file. Its `close` closes the file; after an error the caller closes it.
 * @param configured what the configuration beside the weights says
 * @throws Error if there is no CLIP model in it
 */
export function checkpointOf(
  raw: TensorFile,
  where: string,
  configured: Record<string, string>,
  allowNonFinite = false,
): Checkpoint {
  const { tensors, layout } = findModel(raw.tensors, where);
  const metadata = { ...raw.metadata, ...configured };
  const info = new Map<string, TensorInfo>([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
  return {
    origin: raw.origin,
    format: raw.format,
    layout,
    metadata,
    tensors: info,
    async read(name, into) {
      const tensor = tensors.get(name);
      if (tensor === undefined)
        throw new RangeError(`"${raw.origin}" has no tensor "${name}"; its names are in "tensors"`);
      const count = sizeOf(tensor.shape);
      if (!(into instanceof Float32Array))
        throw new TypeError(`read("${name}"): "into" expected a Float32Array of ${count} elements, got ${typeof into}`);
      if (into.length !== count)
        throw new RangeError(
          `read("${name}"): "into" expected ${count} elements for (${tensor.shape.join(', ')}), got ${into.length}`,
        );
      let at = 0;
      for (const part of tensor.parts) {
        await readStored(part, into, at);
        at += sizeOf(part.shape);
      }
      if (!allowNonFinite) assertFinite(into, name, raw.origin);
    },
    close: () => raw.close(),
  };
}
