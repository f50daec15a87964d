// The directory of a zip file. Nothing is unpacked here, and never to disk, so a name such as "../x" is only a name.
// Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 and 4.3.15 (zip64),
// 4.3.16 (end), 4.4.4 (flags), 4.5.3 (zip64's extra field).

import type { ByteSource } from './byte-source.ts';
import { limits, raise } from './limits.ts';

export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked, as the directory says. */
  readonly size: number;
  readonly packedSize: number;
  readonly compressed: boolean;
  readonly crc32: number;
  /** Where its bytes begin in the file. @throws Error in one sentence if they cannot be there */
  dataStart(): Promise<number>;
}

/** Bytes of a directory record, on average: names of a hundred characters are a third of it. */
const BYTES_PER_ENTRY = 320;
const LOCAL = 0x04034b50,
  ENTRY = 0x02014b50,
  END = 0x06054b50,
  END64 = 0x06064b50,
  LOCATOR64 = 0x07064b50;
/** Stands for a number that did not fit and is in the zip64 record instead. */
const ELSEWHERE = 0xffffffff;
/** Flags of an entry: encrypted, strongly encrypted. */
const ENCRYPTED = 1 | 0x40;

/**
 * @param source read by ranges: its end, its directory and, by `dataStart`, the header of an entry
 * @throws Error in one sentence if the directory is damaged, names an entry twice, or uses encryption, an unknown
 * compression or several disks
 */
export async function listZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const damaged = (reason: string): Error =>
    new Error(`"${source.name}" is a damaged or truncated zip file (${reason}); copy or download it again`);
  const { count, start, size } = await findTable(source, damaged);
  const most = limits().zipEntries;
  if (count > most || size > most * BYTES_PER_ENTRY)
    throw new Error(
      `"${source.name}" has ${count} entries in ${size} bytes, more than any checkpoint; do not use this file, ` +
        `or ${raise('zipEntries')}`,
    );
  const table = await viewOf(source, start, size, damaged);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > size || table.getUint32(at, true) !== ENTRY) throw damaged(`directory record ${i} is invalid`);
    const flags = table.getUint16(at + 8, true),
      method = table.getUint16(at + 10, true);
    const nameLength = table.getUint16(at + 28, true),
      extraLength = table.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + table.getUint16(at + 32, true);
    if (next > size) throw damaged(`directory record ${i} ends after the directory`);
    const name = new TextDecoder().decode(new Uint8Array(table.buffer, at + 46, nameLength));
    const numbers = sizesOf(table, at, at + 46 + nameLength, extraLength, damaged);
    const crc = table.getUint32(at + 16, true);
    at = next;
    if (name.endsWith('/')) continue;
    const shown = JSON.stringify(name.slice(0, 120));
    if (entries.has(name)) throw new Error(`"${source.name}" has the entry ${shown} twice; copy or download it again`);
    if ((flags & ENCRYPTED) !== 0) throw new Error(`"${source.name}" is encrypted; decrypt it first`);
    if (method !== 0 && method !== 8)
      throw new Error(
        `"${source.name}": ${shown} is compressed by method ${method}, which is not supported; store it uncompressed`,
      );
    if (method === 0 && numbers.packed !== numbers.unpacked)
      throw damaged(`${shown} is stored with two different sizes`);
    entries.set(name, {
      name,
      size: numbers.unpacked,
      packedSize: numbers.packed,
      compressed: method === 8,
      crc32: crc,
      async dataStart() {
        const header = await viewOf(source, numbers.header, 30, damaged);
        if (header.getUint32(0, true) !== LOCAL) throw damaged(`${shown} does not begin where the directory says`);
        const begin = numbers.header + 30 + header.getUint16(26, true) + header.getUint16(28, true);
        if (begin + numbers.packed > source.size) throw damaged(`${shown} ends after the file`);
        return begin;
      },
    });
  }
  return entries;
}

type Damaged = (reason: string) => Error;

async function viewOf(
  source: ByteSource,
  position: number,
  length: number,
  damaged: Damaged,
): Promise<DataView<ArrayBuffer>> {
  if (position < 0 || position + length > source.size) throw damaged('it refers to bytes after its end');
  const bytes = new Uint8Array(length);
  await source.read(bytes, position);
  return new DataView(bytes.buffer);
}

/**
 * The end record is followed by nothing but a comment of at most 65,535 bytes; zip64's locator is right before it, and
 * its record counts wherever there is one.
 */
async function findTable(
  source: ByteSource,
  damaged: Damaged,
): Promise<{ count: number; start: number; size: number }> {
  const from = Math.max(0, source.size - 20 - 22 - 65535);
  const tail = await viewOf(source, from, source.size - from, damaged);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
  if (end < 0) throw damaged('its end record is missing');
  // Another end record in a comment, or bytes after the end: which directory counts would be a matter of taste.
  if (tail.getUint16(end + 20, true) !== tail.byteLength - end - 22) throw damaged('bytes follow its end record');
  if (end < 20 || tail.getUint32(end - 20, true) !== LOCATOR64) {
    if (tail.getUint16(end + 4, true) !== 0) throw damaged('it is one of several disks');
    return {
      count: tail.getUint16(end + 10, true),
      size: tail.getUint32(end + 12, true),
      start: tail.getUint32(end + 16, true),
    };
  }
  const record = await viewOf(source, uint64(tail, end - 20 + 8, damaged), 56, damaged);
  if (record.getUint32(0, true) !== END64) throw damaged('its zip64 end record is missing');
  if (record.getUint32(16, true) !== 0) throw damaged('it is one of several disks');
  return { count: uint64(record, 32, damaged), size: uint64(record, 40, damaged), start: uint64(record, 48, damaged) };
}

/**
 * Sizes of an entry and the position of its header. Those that do not fit into 32 bits are in extra field 1, in this
 * order.
 */
function sizesOf(
  table: DataView,
  entry: number,
  extra: number,
  extraLength: number,
  damaged: Damaged,
): { unpacked: number; packed: number; header: number } {
  const numbers = {
    unpacked: table.getUint32(entry + 24, true),
    packed: table.getUint32(entry + 20, true),
    header: table.getUint32(entry + 42, true),
  };
  let missing = (['unpacked', 'packed', 'header'] as const).filter((key) => numbers[key] === ELSEWHERE);
  for (let at = extra; at + 4 <= extra + extraLength;) {
    const length = table.getUint16(at + 2, true);
    if (at + 4 + length > extra + extraLength) throw damaged('an extra field ends after its record');
    if (table.getUint16(at, true) === 1 && missing.length > 0) {
      if (length < 8 * missing.length) break;
      missing.forEach((key, i) => {
        numbers[key] = uint64(table, at + 4 + 8 * i, damaged);
      });
      missing = [];
    }
    at += 4 + length;
  }
  if (missing.length > 0) throw damaged('a size of more than 32 bits is missing');
  return numbers;
}

function uint64(view: DataView, at: number, damaged: Damaged): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`a size of ${value} bytes is impossible`);
  return Number(value);
}
