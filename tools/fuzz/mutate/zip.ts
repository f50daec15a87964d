// Zip files: taken apart by their local headers, entries changed (by a mutator of what is inside, if there is one),
// written again with sizes and checksums right, or with wrong values in single fields.

import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { crc32 } from '../../../src/formats/crc32.ts';
import { concat, latin1, utf8 } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator, type Surroundings } from './havoc.ts';

export interface Entry {
  name: Uint8Array;
  data: Uint8Array;
  deflate: boolean;
}

/** The entries that can be read from front to back; sizes must be in the local headers. */
export function entriesOf(bytes: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // by the table, because PyTorch leaves sizes to a record behind the data
  for (let at = bytes.length - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    let next = view.getUint32(at + 16, true);
    for (
      let n = view.getUint16(at + 10, true);
      n > 0 && next + 46 <= bytes.length && view.getUint32(next, true) === 0x02014b50;
      n--
    ) {
      const [method, packed, nameLength, extra, comment, local] = [
        view.getUint16(next + 10, true),
        view.getUint32(next + 20, true),
        view.getUint16(next + 28, true),
        view.getUint16(next + 30, true),
        view.getUint16(next + 32, true),
        view.getUint32(next + 42, true),
      ];
      if (local + 30 > bytes.length) break;
      const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      let data = bytes.slice(start, start + packed);
      try {
        if (method === 8) data = new Uint8Array(inflateRawSync(data, { maxOutputLength: 1 << 20 }));
      } catch {
        /* as it is */
      }
      entries.push({ name: bytes.slice(next + 46, next + 46 + nameLength), data, deflate: method === 8 });
      next += 46 + nameLength + extra + comment;
    }
    break;
  }
  return entries;
}

/** @param lie changes a header before it is written: 0 local, 1 table, 2 end */
export function zipOf(
  entries: readonly Entry[],
  lie: (kind: 0 | 1 | 2, header: Uint8Array) => void = () => undefined,
): Uint8Array {
  const parts: Uint8Array[] = [],
    table: Uint8Array[] = [];
  let position = 0,
    tableSize = 0;
  for (const { name, data, deflate } of entries) {
    const packed = deflate ? new Uint8Array(deflateRawSync(data, { level: 1 })) : data;
    const common = new Uint8Array(26),
      view = new DataView(common.buffer);
    view.setUint16(0, 20, true);
    view.setUint16(4, deflate ? 8 : 0, true);
    view.setUint32(10, crc32(data), true);
    view.setUint32(14, packed.length, true);
    view.setUint32(18, data.length, true);
    view.setUint16(22, name.length, true);
    const local = concat(latin1('PK\x03\x04'), common),
      listed = concat(latin1('PK\x01\x02\x14\0'), common, new Uint8Array(14));
    new DataView(listed.buffer).setUint32(42, position, true);
    lie(0, local);
    lie(1, listed);
    parts.push(local, name, packed);
    table.push(listed, name);
    position += local.length + name.length + packed.length;
    tableSize += listed.length + name.length;
  }
  const end = new Uint8Array(22),
    view = new DataView(end.buffer);
  end.set(latin1('PK\x05\x06'));
  view.setUint16(8, entries.length, true);
  view.setUint16(10, entries.length, true);
  view.setUint32(12, tableSize, true);
  view.setUint32(16, position, true);
  lie(2, end);
  return concat(...parts, ...table, end);
}

const NAMES = [
  '',
  '../x',
  'data.pkl',
  'archive/data.pkl',
  'archive/data/0',
  'archive/byteorder',
  '/abs',
  'a/',
  'metadata.json',
  'x.npy',
  '\0',
];

/** @param inside mutates the contents of an entry of that name, if it knows the format */
export function zip(inside: (name: string) => Mutator | null = () => null): Mutator {
  return (input, around: Surroundings) => {
    const { random } = around;
    const entries = entriesOf(input);
    if (entries.length === 0) return havoc(input, around);
    const at = random.below(entries.length),
      entry = entries[at];
    const what = random.below(10);
    if (what === 0) entries.splice(at, 1);
    else if (what === 1) entries.push(entry);
    else if (what === 2)
      entries[at] = { ...entry, name: random.one(2) ? utf8(random.pick(NAMES)) : havoc(entry.name, around) };
    else if (what === 3) entries[at] = { ...entry, deflate: !entry.deflate };
    else if (what === 4) {
      const kind = random.below(3);
      return zipOf(entries, (which, header) => {
        if (which !== kind || !random.one(2)) return;
        const where = 4 + random.below(header.length - 4),
          value = random.pick(TURNING_POINTS);
        for (let i = 0; i < random.pick([1, 2, 4]) && where + i < header.length; i++)
          header[where + i] = (value >>> (8 * i)) & 255;
      });
    } else if (what === 5) return havoc(zipOf(entries), around);
    else {
      const known = entries
        .map(({ name }, i) => ({ i, mutate: inside(Buffer.from(name).toString('latin1')) }))
        .filter(({ mutate }) => mutate !== null);
      const { i, mutate } = known.length > 0 && !random.one(4) ? random.pick(known) : { i: at, mutate: havoc };
      entries[i] = { ...entries[i], data: mutate!(entries[i].data, around) };
    }
    return zipOf(entries);
  };
}
