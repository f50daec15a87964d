// Writes a head: as safetensors with its classes and threshold, or as the .pth that UniversalFakeDetect's validate.py
// and any other PyTorch reads.

import { flat } from '../../ops/contiguous.ts';
import type { Head } from '../../clip/head.ts';
import { AtomicFile } from '../../formats/atomic-file.ts';
import { littleEndian } from '../../formats/little-endian.ts';
import { safetensorsPieces } from '../../formats/safetensors-writer.ts';
import { torchFile } from '../../formats/torch/write.ts';

/**
 * Writes `weight` (K,E) and `bias` (K), float32. The same head has the same bytes, whenever it is written.
 * @param file ends in .safetensors (labels, threshold and `normalized` go into the metadata), .pth or .pt (a state dict
 *   has no place for them)
 * @param metadata more of it, for .safetensors
 * @throws RangeError for another ending, or a head of several layers
 */
export async function saveHead(
  head: Head,
  file: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bytes = await headBytes(head, file, metadata);
  const output = await AtomicFile.create(file);
  try {
    await output.write(bytes);
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** The bytes of such a file. */
export async function headBytes(
  { weight, bias, hidden, labels, threshold, normalized }: Head,
  file: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  if (hidden !== undefined)
    throw new RangeError(
      `saveHead: "head" expected a single layer, got ${hidden.length + 1}; such a head is kept in the file that it ` +
        'came from',
    );
  const tensors = (
    [
      ['weight', weight],
      ['bias', bias],
    ] as const
  ).map(([name, tensor]) => ({ name, shape: tensor.shape, data: flat(tensor) as Float32Array }));
  const ending = /\.(safetensors|pth|pt)$/i.exec(file);
  if (ending === null)
    throw new RangeError(
      `saveHead: "file" expected a name that ends in .safetensors, .pth or .pt, got "${file}"; rename it`,
    );
  if (ending[1].toLowerCase() !== 'safetensors') return torchFile(tensors);
  const own = {
    ...(labels !== undefined && { labels: JSON.stringify(labels) }),
    ...(threshold !== undefined && { threshold: String(threshold) }),
    ...(normalized && { normalized: 'true' }),
  };
  const all = { ...metadata, ...own };
  const entries = tensors.map(({ data, ...rest }) => ({ ...rest, dtype: 'F32', data: [littleEndian(data)] }) as const);
  return Buffer.concat([...safetensorsPieces(entries, Object.keys(all).length > 0 ? all : undefined)]);
}
