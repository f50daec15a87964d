// Builders of files for the tests: written from the formats' descriptions, independent of the readers.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { crc32 as zlibCrc32, deflateRawSync } from 'node:zlib';
import { afterAll } from 'vitest';
import { openTensorFile } from '../../src/formats/open.ts';
import { readStored } from '../../src/formats/stored-tensor.ts';
import { sizeOf } from '../../src/ops/tensor.ts';

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/checkpoints/${name}`, import.meta.url));
export function fixtureJson<T>(name: string): T {
  const bytes = readFileSync(fixture(name));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as T;
}

/** A folder that vanishes after the test file. */
export function temporaryFolder(): { path: string; write(name: string, bytes: Uint8Array | string): string } {
  const path = mkdtempSync(join(tmpdir(), 'clip-oracle-test-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    write(name, bytes) {
      const file = join(path, name);
      writeFileSync(file, bytes);
      return file;
    },
  };
}

/** A safetensors file; `header` may be broken on purpose. */
export function safetensors(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** A sound safetensors file of float32 tensors that count up from 1, in the given order. */
export function counting(shapes: Record<string, number[]>, metadata?: Record<string, string>): Buffer {
  let at = 0;
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 4 * sizeOf(shape);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  return safetensors(header, Buffer.from(Float32Array.from({ length: at / 4 }, (_, i) => i + 1).buffer));
}

export interface ZipMember {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** What the table claims instead of the truth. */
  readonly claimedSize?: number;
}

/** A zip file (APPNOTE.TXT 4.3), with lies where asked for. */
export function zip(members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = [],
    table: Buffer[] = [];
  let offset = 0;
  for (const { name, data, deflate = false, claimedSize = data.length } of members) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const title = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(zlibCrc32(data), 10);
    common.writeUInt32LE(deflate ? packed.length : claimedSize, 14);
    common.writeUInt32LE(claimedSize, 18);
    common.writeUInt16LE(title.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    table.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, title]));
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), common, title, packed);
    offset += 30 + title.length + packed.length;
  }
  const directory = Buffer.concat(table);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

/** Bytes from pieces: strings are Latin-1, numbers single bytes. */
export const bytes = (...pieces: (string | number | Uint8Array)[]): Buffer =>
  Buffer.concat(
    pieces.map((piece) =>
      typeof piece === 'string'
        ? Buffer.from(piece, 'latin1')
        : typeof piece === 'number'
          ? Buffer.of(piece)
          : Buffer.from(piece),
    ),
  );

/** BINUNICODE */
export const text = (value: string): Buffer => {
  const content = Buffer.from(value),
    length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  return bytes('X', length, content);
};

/** The message of an error that must be: a plain Error, one line, no internals. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof Error)) throw new Error('threw something that is no Error', { cause: error });
    const complaint = sound(error);
    if (complaint !== null) throw new Error(complaint, { cause: error });
    return error.message;
  }
  throw new Error('expected an error, but it succeeded');
}

/** What is wrong with an error that a user sees, or null: it must be made for him, one line, and name something. */
export function sound(error: Error): string | null {
  if (!/^(Error|RangeError|PickleEnd)$/.test(error.name)) return `a ${error.name} is not for users: ${error.message}`;
  if (/\n/.test(error.message)) return `several lines: ${error.message}`;
  if (
    /undefined|\bNaN\b(?! )|is not a function|Invalid (typed )?array length|allocation failed|out of range|out of bounds|Maximum call stack|\[object/i.test(
      error.message,
    )
  )
    return `an internal error: ${error.message}`;
  if (error.message.length > 600) return `too long: ${error.message}`;
  return null;
}

/** All tensors of a file by the file's own names. */
export async function readAll(
  path: string,
): Promise<Map<string, { dtype: string; shape: readonly number[]; values: Float32Array }>> {
  const raw = await openTensorFile(path);
  try {
    const result = new Map<string, { dtype: string; shape: readonly number[]; values: Float32Array }>();
    for (const [name, tensor] of raw.tensors) {
      const values = new Float32Array(sizeOf(tensor.shape));
      await readStored(tensor, values, 0);
      result.set(name, { dtype: tensor.dtype, shape: tensor.shape, values });
    }
    return result;
  } finally {
    await raw.close();
  }
}

/** Equality of bits, so that -0 is not 0. */
export const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);
