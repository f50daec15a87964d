// JPEG: marker segments changed, moved, doubled, left out; their lengths made right; sizes, sampling factors and scan
// parameters set.

import { concat } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator } from './havoc.ts';

/** A marker with its segment (without the length) and the data up to the next marker. */
interface Segment {
  code: number;
  body: Uint8Array | null;
  data: Uint8Array;
}

function segmentsOf(bytes: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  let at = 2;
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff) {
      at++;
      continue;
    }
    const code = bytes[at + 1];
    at += 2;
    if (code === 0 || code === 0xff) {
      at -= code === 0xff ? 1 : 0;
      continue;
    }
    let body: Uint8Array | null = null;
    if (!(code === 1 || (code >= 0xd0 && code <= 0xd9))) {
      const length = at + 1 < bytes.length ? bytes[at] * 256 + bytes[at + 1] : 2;
      body = bytes.slice(at + 2, Math.max(at + 2, at + length));
      at = Math.min(bytes.length, at + Math.max(2, length));
    }
    let end = at;
    while (
      end < bytes.length &&
      !(bytes[end] === 0xff && end + 1 < bytes.length && bytes[end + 1] !== 0 && bytes[end + 1] !== 0xff)
    )
      end++;
    segments.push({ code, body, data: bytes.slice(at, end) });
    at = end;
  }
  return segments;
}

function fileOf(segments: readonly Segment[]): Uint8Array {
  return concat(
    Uint8Array.of(0xff, 0xd8),
    ...segments.flatMap(({ code, body, data }) =>
      body === null
        ? [Uint8Array.of(0xff, code), data]
        : [Uint8Array.of(0xff, code, ((body.length + 2) >> 8) & 255, (body.length + 2) & 255), body, data],
    ),
  );
}

const CODES = [
  0xc0, 0xc1, 0xc2, 0xc4, 0xc9, 0xca, 0xcc, 0xd0, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xe0, 0xe1, 0xee, 0xfe,
  0x01,
];

export const jpeg: Mutator = (input, around) => {
  const { random } = around;
  const segments = segmentsOf(input);
  if (segments.length < 2) return havoc(input, around);
  const at = random.below(segments.length),
    segment = segments[at];
  const what = random.below(9);
  const frame = segments.find(({ code }) => code >= 0xc0 && code <= 0xc2)?.body;
  const scan = segments.filter(({ code, body }) => code === 0xda && body !== null && body.length > 3);
  if (what === 0) segments.splice(at, 1);
  else if (what === 1) segments.splice(random.below(segments.length), 0, segment);
  else if (what === 2) segments[at] = { ...segment, code: random.pick(CODES) };
  else if (what === 3 && segment.body !== null)
    segments[at] = { ...segment, body: havoc(segment.body, around).slice(0, 65000) };
  else if (what === 4) segments[at] = { ...segment, data: havoc(segment.data, around) };
  else if (what === 5 && frame && frame.length >= 6) {
    // height or width
    const side = random.one(2) ? random.below(70) : random.pick(TURNING_POINTS) & 0xffff,
      where = random.pick([1, 3]);
    frame[where] = side >> 8;
    frame[where + 1] = side & 255;
  } else if (what === 6 && frame && frame.length >= 9) {
    // sampling factors, tables, number of components
    const component = random.below(Math.floor((frame.length - 6) / 3));
    if (random.one(3)) frame[5] = random.below(6);
    else if (random.one(2)) frame[7 + 3 * component] = (1 + random.below(4)) * 16 + 1 + random.below(4);
    else frame[6 + random.below(frame.length - 6)] = random.pick([0, 1, 2, 3, 4, 17, 0x22, 0x41, 255]);
  } else if (what === 7 && scan.length > 0) {
    // spectral selection and bits
    const body = random.pick(scan).body!;
    body[body.length - 1 - random.below(Math.min(body.length, 3))] = random.pick([
      0, 1, 2, 5, 6, 16, 17, 33, 62, 63, 64, 0xd0, 255,
    ]);
  } else return havoc(input, around);
  return fileOf(segments);
};
