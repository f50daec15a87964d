// Writes a head: as safetensors with its classes and threshold, or as the .pth that UniversalFakeDetect's validate.py
// and any other PyTorch reads.

import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flat } from '../../ops/contiguous.ts';
import type { Head } from '../../clip/head.ts';
import { bytesOf, torchFile, type NamedTensor } from '../../formats/torch/write.ts';

/**
 * Writes `weight` (K,E) and `bias` (K), float32. The same head has the same bytes, whenever it is written.
 * @param file ends in .safetensors (labels, threshold and `normalized` go into the metadata), .pth or .pt (a state dict
 *   has no place for them)
 * @param metadata more of it, for .safetensors
 * @throws RangeError for another ending
 */
export async function saveHead(
  head: Head,
  file: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bytes = await headBytes(head, file, metadata);
  // Under another name until it is whole: a full disk must not leave half a head, nor take away the one that was there.
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The bytes of such a file. */
export async function headBytes(
  { weight, bias, labels, threshold, normalized }: Head,
  file: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
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
  return safetensors(tensors, { ...metadata, ...own });
}

/** https://github.com/huggingface/safetensors: the header's length, the header, the elements. */
function safetensors(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  let end = 0;
  const entries = tensors.map(
    ({ name, shape, data }) => [name, { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] }] as const,
  );
  const header = Buffer.from(
    JSON.stringify({
      ...(Object.keys(metadata).length > 0 && { __metadata__: metadata }),
      ...Object.fromEntries(entries),
    }),
  );
  const head = Buffer.alloc(8 + Math.ceil(header.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  header.copy(head, 8);
  return Buffer.concat([head, ...tensors.map(({ data }) => bytesOf(data))]);
}
