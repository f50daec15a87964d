// WebP: the chunks of its RIFF container changed, moved, doubled, left out; sizes made right.

import { concat, latin1, uint32LE } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator } from './havoc.ts';

interface Chunk {
  type: Uint8Array;
  data: Uint8Array;
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const chunks: Chunk[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    chunks.push({ type: bytes.slice(at, at + 4), data: bytes.slice(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}

function fileOf(chunks: readonly Chunk[]): Uint8Array {
  const parts = chunks.flatMap(({ type, data }) => [
    type,
    uint32LE(data.length),
    data,
    new Uint8Array(data.length % 2),
  ]);
  const size = parts.reduce((sum, part) => sum + part.length, 4);
  return concat(latin1('RIFF'), uint32LE(size), latin1('WEBP'), ...parts);
}

export const riff: Mutator = (input, around) => {
  const { random } = around;
  const chunks = chunksOf(input);
  if (chunks.length === 0) return havoc(input, around);
  const at = random.below(chunks.length),
    chunk = chunks[at];
  const what = random.below(7);
  if (what === 0) chunks.splice(at, 1);
  else if (what === 1) chunks.splice(random.below(chunks.length), 0, chunk);
  else if (what === 2)
    chunks[at] = {
      type: latin1(random.pick(['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'EXIF', 'ICCP', 'XMP ', 'abcd'])),
      data: chunk.data,
    };
  else if (what <= 4) chunks[at] = { type: chunk.type, data: havoc(chunk.data, around) };
  else {
    // a 24-bit or 16-bit size in one of the headers
    const { data } = chunk,
      where = random.below(Math.min(data.length, 16)),
      value = random.one(2) ? random.below(64) : random.pick(TURNING_POINTS);
    for (let i = 0; i < random.pick([1, 2, 3]) && where + i < data.length; i++)
      data[where + i] = (value >>> (8 * i)) & 255;
  }
  return fileOf(chunks);
};
