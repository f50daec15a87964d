// PNG: chunks changed, moved, doubled, left out; their checksums made right; the packed data changed inside.

import { deflateSync, inflateSync } from 'node:zlib';
import { crc32 } from '../../../src/formats/crc32.ts';
import { concat, latin1, uint32BE } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator } from './havoc.ts';

interface Chunk {
  type: Uint8Array;
  data: Uint8Array;
}

const SIGNATURE = latin1('\x89PNG\r\n\x1a\n');

function chunksOf(bytes: Uint8Array): Chunk[] {
  const chunks: Chunk[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = Math.min(view.getUint32(at), bytes.length - at - 12);
    chunks.push({ type: bytes.slice(at + 4, at + 8), data: bytes.slice(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function fileOf(chunks: readonly Chunk[]): Uint8Array {
  return concat(
    SIGNATURE,
    ...chunks.flatMap(({ type, data }) => [uint32BE(data.length), type, data, uint32BE(crc32(concat(type, data)))]),
  );
}

export const png: Mutator = (input, around) => {
  const { random } = around;
  const chunks = chunksOf(input);
  if (chunks.length === 0) return havoc(input, around);
  const at = random.below(chunks.length),
    chunk = chunks[at];
  const what = random.below(9);
  if (what === 0) chunks.splice(at, 1);
  else if (what === 1) chunks.splice(random.below(chunks.length), 0, chunk);
  else if (what === 2)
    chunks[at] = {
      type: latin1(random.pick(['IHDR', 'IDAT', 'PLTE', 'IEND', 'tRNS', 'CgBI', 'acTL', 'fdAT', 'abcd', '1234'])),
      data: chunk.data,
    };
  else if (what === 3) chunks[at] = { type: chunk.type, data: havoc(chunk.data, around) };
  else if (what === 4) {
    // packed data changed where it is unpacked
    const index = chunks.findIndex(({ type }) => Buffer.from(type).toString('latin1') === 'IDAT');
    try {
      if (index >= 0)
        chunks[index] = {
          type: chunks[index].type,
          data: new Uint8Array(
            deflateSync(havoc(new Uint8Array(inflateSync(chunks[index].data, { maxOutputLength: 65536 })), around), {
              level: 1,
            }),
          ),
        };
    } catch {
      /* damaged already */
    }
  } else if (what === 5 && chunk.data.length > 1) {
    // one chunk becomes two
    const cut = random.below(chunk.data.length);
    chunks.splice(
      at,
      1,
      { type: chunk.type, data: chunk.data.slice(0, cut) },
      { type: chunk.type, data: chunk.data.slice(cut) },
    );
  } else if (chunks[0].data.length >= 13) {
    const header = chunks[0].data,
      view = new DataView(header.buffer, header.byteOffset, header.length);
    if (what === 6) view.setUint32(random.pick([0, 4]), random.one(2) ? random.below(64) : random.pick(TURNING_POINTS));
    else if (what === 7) header[8 + random.below(5)] = random.pick([0, 1, 2, 3, 4, 6, 8, 16, 255]);
    else {
      header[8] = random.pick([1, 2, 4, 8, 16]);
      header[9] = random.pick([0, 2, 3, 4, 6]);
      header[12] = random.below(2);
    }
  }
  return fileOf(chunks);
};
