// The one writer of safetensors: its bytes, its room for a header, and that its reader reads them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MemorySource } from '../../src/formats/byte-source.ts';
import { littleEndian } from '../../src/formats/little-endian.ts';
import { safetensorsHeader, safetensorsPieces, SafetensorsWriter } from '../../src/formats/safetensors-writer.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { temporaryFolder } from '../support/checkpoints.ts';

const folder = temporaryFolder();
const TENSORS = [
  ['a', { dtype: 'F32', shape: [2, 3] }],
  ['b', { dtype: 'F16', shape: [] }],
] as const;

describe('safetensorsHeader', () => {
  test('is the length, JSON and spaces up to a multiple of 8', () => {
    const header = Buffer.from(safetensorsHeader(TENSORS, { by: 'ü' }));
    const json =
      '{"__metadata__":{"by":"ü"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},' +
      '"b":{"dtype":"F16","shape":[],"data_offsets":[24,26]}}';
    expect(header.length % 8).toBe(0);
    expect(Number(header.readBigUInt64LE())).toBe(header.length - 8);
    expect(header.subarray(8).toString().trimEnd()).toBe(json);
    expect(header.length - 8 - Buffer.byteLength(json)).toBeLessThan(8);
  });

  test('has no metadata where none are given, and at least the room that is asked for', () => {
    expect(Buffer.from(safetensorsHeader([])).toString('latin1')).toBe('\x08\0\0\0\0\0\0\0{}      ');
    expect(safetensorsHeader(TENSORS, undefined, 4096).length).toBe(4096);
  });
});

describe('safetensorsPieces', () => {
  test('are the header and the data as given, and data of another size is refused by name', () => {
    const a = { name: 'a', dtype: 'F32', shape: [2, 3] } as const;
    const rows = [new Uint8Array(12).fill(1), new Uint8Array(12).fill(2)];
    const b = { name: 'b', dtype: 'F16', shape: [], data: [Uint8Array.of(3, 4)] } as const;
    expect(Buffer.concat([...safetensorsPieces([{ ...a, data: rows }, b], { by: 'test' })])).toEqual(
      Buffer.concat([safetensorsHeader(TENSORS, { by: 'test' }), ...rows, Uint8Array.of(3, 4)]),
    );
    expect(() => [...safetensorsPieces([{ ...a, data: rows.slice(1) }])]).toThrow(
      new RangeError('safetensors: "a" expected 24 bytes, got 12; pass all of its elements'),
    );
  });
});

describe('SafetensorsWriter', () => {
  test.each([0, 8, 96, 4096])('with room for %i bytes the file is read back', async (room) => {
    const path = join(folder.path, `room-${room}.safetensors`);
    const writer = new SafetensorsWriter(path, room);
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    writer.add('a', 'F32', [2, 3], littleEndian(data));
    writer.add('b', 'F16', [], Uint8Array.of(1, 2));
    expect(readdirSync(folder.path)).not.toContain(`room-${room}.safetensors`);
    writer.finish({ by: 'test' });
    const bytes = readFileSync(path);
    const { tensors, metadata } = await readSafetensors(new MemorySource(path, bytes));
    expect(metadata).toEqual({ by: 'test' });
    expect([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }])).toEqual(TENSORS);
    const begin = tensors.get('a')!.position;
    expect(begin).toBe(Math.max(room, safetensorsHeader(TENSORS, { by: 'test' }).length));
    expect(bytes.subarray(begin)).toEqual(Buffer.concat([littleEndian(data), Uint8Array.of(1, 2)]));
  });

  test('leaves nothing once it is discarded', () => {
    const before = readdirSync(folder.path);
    const writer = new SafetensorsWriter(join(folder.path, 'never.safetensors'));
    writer.add('a', 'U8', [1], Uint8Array.of(1));
    writer.discard();
    expect(readdirSync(folder.path)).toEqual(before);
  });
});
