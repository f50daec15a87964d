// GIF, BMP and TIFF: sizes, counts and offsets of their headers set, entries of a TIFF's directory changed, moved and
// doubled, a GIF's blocks cut and joined anew.

import { concat } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator, type Surroundings } from './havoc.ts';

/** Sets an integer at an offset, if it is inside. */
function set(bytes: Uint8Array, at: number, size: number, value: number, little: boolean): void {
  for (let i = 0; i < size; i++) {
    const where = at + (little ? i : size - 1 - i);
    if (where < bytes.length) bytes[where] = (value / 256 ** i) & 255;
  }
}

const number = ({ random }: Surroundings): number => (random.one(2) ? random.below(70) : random.pick(TURNING_POINTS));

export const bmp: Mutator = (input, around) => {
  const { random } = around;
  const bytes = input.slice();
  // Where pixels begin, the header's size, width, height, bits, compression, colors, the four masks.
  const [at, size] = random.pick([
    [10, 4],
    [14, 4],
    [18, 4],
    [22, 4],
    [28, 2],
    [30, 4],
    [46, 4],
    [54, 4],
    [58, 4],
    [62, 4],
    [66, 4],
  ] as const);
  const value =
    at === 14
      ? random.pick([12, 40, 52, 56, 64, 108, 124])
      : at === 28
        ? random.pick([1, 4, 8, 16, 24, 32])
        : at === 30
          ? random.below(6)
          : number(around);
  set(bytes, at, size, value, true);
  return random.one(2) ? bytes : havoc(bytes, around);
};

export const gif: Mutator = (input, around) => {
  const { random } = around;
  const bytes = input.slice();
  const image = bytes.indexOf(0x2c, 13);
  const what = random.below(5);
  if (what === 0) set(bytes, random.pick([6, 8]), 2, number(around), true);
  else if (what === 1 && bytes.length > 10) bytes[10] = random.byte();
  else if (what === 2 && image > 0) set(bytes, image + random.pick([1, 3, 5, 7]), 2, number(around), true);
  else if (what === 3 && image > 0 && image + 10 < bytes.length) bytes[image + random.pick([9, 10])] = random.byte();
  else {
    // a length of a block, wherever one may be
    const at = Math.max(0, image) + random.below(Math.max(1, bytes.length - Math.max(0, image)));
    return havoc(concat(bytes.subarray(0, at), Uint8Array.of(random.byte()), bytes.subarray(at)), around);
  }
  return bytes;
};

const TAGS = [256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339];

export const tiff: Mutator = (input, around) => {
  const { random } = around;
  const bytes = input.slice();
  if (bytes.length < 16) return havoc(bytes, around);
  const little = bytes[0] === 0x49;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = view.getUint32(4, little);
  if (start + 14 > bytes.length) return havoc(bytes, around);
  const count = Math.max(1, Math.min(view.getUint16(start, little), Math.floor((bytes.length - start - 2) / 12)));
  const entry = start + 2 + 12 * random.below(count);
  const what = random.below(7);
  if (what === 0) set(bytes, entry, 2, random.pick(TAGS), little);
  else if (what === 1) set(bytes, entry + 2, 2, random.below(19), little);
  else if (what === 2) set(bytes, entry + 4, 4, number(around), little);
  else if (what === 3) set(bytes, entry + 8, random.pick([2, 4]), number(around), little);
  else if (what === 4) bytes.copyWithin(start + 2 + 12 * random.below(count), entry, entry + 12);
  else if (what === 5) set(bytes, start, 2, number(around), little);
  else return havoc(bytes, around);
  return bytes;
};
