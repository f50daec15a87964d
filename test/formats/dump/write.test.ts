// Writers of dumps and the spill: what goes in comes out, whatever the numbers, names and shapes.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDump } from '../../../src/formats/dump/open.ts';
import { writeDump } from '../../../src/formats/dump/write.ts';
import { Spill } from '../../../src/oracle/spill.ts';
import type { Values } from '../../../src/formats/values.ts';
import { temporaryFolder } from '../../support/checkpoints.ts';

const temporary = temporaryFolder();
const FORMATS = ['.safetensors', '.npz', ''] as const;
let serial = 0;
const fresh = (ending: string): string => join(temporary.path, `dump${serial++}${ending}`);

const bytesOf = ({ data }: Values): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');

/** Any bits at all: NaNs with payloads, subnormals, infinities. */
const values: fc.Arbitrary<Values> = fc.array(fc.nat(3), { maxLength: 4 }).chain((shape) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const words = (per: number): fc.Arbitrary<Uint32Array> =>
    fc.uint32Array({ minLength: size * per, maxLength: size * per });
  return fc.oneof(
    words(1).map((bits): Values => ({ shape, data: new Float32Array(bits.slice().buffer) })),
    words(2).map((bits): Values => ({ shape, data: new Float64Array(bits.slice().buffer) })),
  );
});
const names = fc.stringMatching(/^[a-z][a-z0-9_.]{0,30}$/).filter((name) => !name.startsWith('__'));
const tensors = fc.uniqueArray(fc.tuple(names, values), {
  selector: ([name]) => name.toLowerCase(),
  minLength: 1,
  maxLength: 8,
});
const metadata = fc.dictionary(
  fc.string().filter((key) => key !== '__proto__'),
  fc.string(),
  { maxKeys: 4 },
);

describe.each(FORMATS)('a dump named *%s', (ending) => {
  test('what is written is read back, bit for bit, with its metadata', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, metadata, fc.boolean(), async (list, about, announced) => {
        const path = fresh(ending);
        const writer = await writeDump(path, announced ? { names: list.map(([name]) => name) } : {});
        for (const [name, value] of list) writer.add(name, value);
        await writer.finish(about);
        const dump = await openDump(path);
        expect(dump.metadata).toEqual(about);
        expect([...dump.tensors.keys()].sort()).toEqual(list.map(([name]) => name).sort());
        for (const [name, value] of list) {
          expect(dump.tensors.get(name)!.dtype).toBe(value.data instanceof Float32Array ? 'F32' : 'F64');
          const back = dump.read(name);
          expect(back.shape).toEqual(value.shape);
          expect(bytesOf(back)).toBe(bytesOf(value));
        }
        await dump.close();
      }),
      { numRuns: 40 },
    );
  });

  test('the order of writing is kept where the format has an order, and the same dump has the same bytes', async () => {
    const make = async (): Promise<string> => {
      const path = fresh(ending);
      const writer = await writeDump(path);
      for (const name of ['zebra', 'ape', 'bear']) writer.add(name, { shape: [2], data: new Float32Array([1, 2]) });
      await writer.finish({ a: 'b' });
      return path;
    };
    const [one, two] = [await make(), await make()];
    const dump = await openDump(one);
    expect([...dump.tensors.keys()]).toEqual(ending === '' ? ['ape', 'bear', 'zebra'] : ['zebra', 'ape', 'bear']);
    await dump.close();
    if (ending !== '') expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
  });

  test('until it is finished there is nothing of its name, and nothing at all after discard', async () => {
    const path = fresh(ending);
    const before = readdirSync(temporary.path);
    const writer = await writeDump(path);
    writer.add('a', { shape: [1], data: new Float32Array(1) });
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(temporary.path).length).toBeGreaterThan(before.length);
    await writer.discard();
    expect(readdirSync(temporary.path)).toEqual(before);
  });

  test('a dump is replaced', async () => {
    const path = fresh(ending);
    for (const name of ['old', 'new']) {
      const writer = await writeDump(path);
      writer.add(name, { shape: [1], data: new Float32Array(1) });
      await writer.finish();
    }
    const dump = await openDump(path);
    expect([...dump.tensors.keys()]).toEqual(['new']);
    await dump.close();
  });

  test('wrong names and data are refused', async () => {
    const writer = await writeDump(fresh(ending));
    writer.add('a', { shape: [1], data: new Float32Array(1) });
    expect(() => writer.add('a', { shape: [1], data: new Float32Array(1) })).toThrow(/"a" was written before/);
    expect(() => writer.add('', { shape: [1], data: new Float32Array(1) })).toThrow(/expected a tensor's name/);
    expect(() => writer.add('b', { shape: [2, 2], data: new Float32Array(3) })).toThrow(
      /"b" expected 4 elements for shape \(2, 2\), got 3/,
    );
    if (ending === '')
      expect(() => writer.add('../b', { shape: [1], data: new Float32Array(1) })).toThrow(
        /expected one that can be a file's/,
      );
    await writer.discard();
  });
});

test('a header that outgrows the room left for it moves the data, whole', async () => {
  const path = fresh('.safetensors');
  const writer = await writeDump(path);
  const data = Float32Array.from({ length: 700_000 }, (_, i) => i); // more than one piece of the move
  for (let i = 0; i < 100; i++) writer.add(`${'long'.repeat(20)}${i}`, { shape: [i], data: data.slice(0, i) });
  writer.add('last', { shape: [data.length], data });
  await writer.finish({ note: 'x'.repeat(5000) });
  const dump = await openDump(path);
  expect(bytesOf(dump.read('last'))).toBe(bytesOf({ shape: [], data }));
  expect([...dump.read(`${'long'.repeat(20)}99`).data]).toEqual([...data.slice(0, 99)]);
  await dump.close();
});

test('endings and places that cannot be', async () => {
  await expect(writeDump('x.json')).rejects.toThrow(
    /ends in \.safetensors or \.npz, or a folder, got "x\.json"; \.json is not written/,
  );
  await expect(writeDump(join(temporary.path, 'no', 'x.npz'))).rejects.toThrow(
    /its folder does not exist; make it first/,
  );
  await expect(writeDump(join(temporary.path, 'no', 'x'))).rejects.toThrow(/its folder does not exist; make it first/);
  mkdirSync(join(temporary.path, 'home'));
  writeFileSync(join(temporary.path, 'home', 'thesis.txt'), 'x');
  await expect(writeDump(join(temporary.path, 'home'))).rejects.toThrow(
    /holds "thesis\.txt", which is not part of a dump, so the folder is not replaced/,
  );
  await expect(writeDump(join(temporary.path, 'home', 'thesis.txt', 'x.npz'))).rejects.toThrow(/its folder is a file/);
  mkdirSync(join(temporary.path, 'x.npz'));
  await expect(writeDump(join(temporary.path, 'x.npz'))).rejects.toThrow(/expected the name of a file, got a folder/);
});

describe('the spill', () => {
  test('gives back what it was given, bit for bit, in memory as on disk', () => {
    fc.assert(
      fc.property(tensors, fc.nat(200), (list, limit) => {
        const spill = new Spill(limit);
        for (const [name, value] of list) spill.add(name, value);
        expect(spill.names).toEqual(list.map(([name]) => name));
        for (const [name, value] of [...list].reverse()) {
          const back = spill.read(name);
          expect(back.shape).toEqual(value.shape);
          expect(back.data.constructor).toBe(value.data.constructor);
          expect(bytesOf(back)).toBe(bytesOf(value));
        }
        expect(spill.onDisk).toBe(list.reduce((sum, [, { data }]) => sum + data.byteLength, 0) > limit);
        spill.close();
      }),
      { numRuns: 100 },
    );
  });

  test('keeps a copy, knows its names, and answers nothing once closed', () => {
    const spill = new Spill();
    const data = new Float32Array([1]);
    spill.add('a', { shape: [1], data });
    data[0] = 2;
    expect(spill.read('a').data[0]).toBe(1);
    expect(spill.has('a')).toBe(true);
    expect(() => spill.add('a', { shape: [1], data })).toThrow(/"a" was added before/);
    expect(() => spill.read('b')).toThrow(/expected a name that was added, got "b"/);
    spill.close();
    expect(() => spill.read('a')).toThrow(/closed/);
  });

  test('beyond its limit memory does not grow', () => {
    const spill = new Spill(1 << 20);
    const data = new Float32Array(1 << 20);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 60; i++) spill.add(`${i}`, { shape: [data.length], data: data.fill(i) });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20); // 240 MB went through
    expect(spill.read('37').data[12345]).toBe(37);
    spill.close();
  });
});
