// The CLIP model in a file that was opened, under OpenAI's names.

import type { Checkpoint } from './checkpoint.ts';
import type { Configuration } from './config.ts';
import { withoutRefused } from './configured.ts';
import type { TensorInfo } from '../../formats/element-types.ts';
import { assertFinite } from '../../formats/finite.ts';
import { findModel, type FindOptions } from './layouts.ts';
import { oneTower } from './towers.ts';
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
  configured: Configuration,
  { tower, allowNonFinite = false }: Pick<FindOptions, 'tower'> & { allowNonFinite?: boolean } = {},
): Checkpoint {
  const { tensors, layout, refusedText, ...found } = withoutRefused(
    configured,
    tower,
    findModel(raw.tensors, where, {
      tower,
      modelType: configured.metadata.model_type,
    }),
  );
  const metadata: Record<string, string> = { ...raw.metadata, ...found.metadata, ...configured.metadata };
  // of a text tower that is not computed
  if (refusedText !== undefined) Reflect.deleteProperty(metadata, 'text_hidden_act');
  const info = new Map<string, TensorInfo>([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
  const checkpoint: Checkpoint = {
    origin: raw.origin,
    format: raw.format,
    layout,
    metadata,
    configuration: configured,
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
    ...(refusedText !== undefined && { refusedText }),
  };
  return oneTower(checkpoint, tower);
}
