// Dumps as NumPy and safetensors for Python wrote them (fixtures/dumps), and damaged ones.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDump } from '../../../src/formats/dump/open.ts';
import { failure, safetensors, sound, temporaryFolder, zip } from '../../support/checkpoints.ts';

const folder = fileURLToPath(new URL('../../../fixtures/dumps/', import.meta.url));
const golden = (name: string): string => join(folder, name);
const expected = JSON.parse(readFileSync(golden('expected.json'), 'utf8')) as Record<
  string,
  { dtype: string; shape: number[]; bits: string }
>;
const temporary = temporaryFolder();

/**
 * Big-endian hexadecimal digits, as make.py writes them; NaN with the quiet bit only, because conversions choose its
 * payload.
 */
function bits(data: Float32Array | Float64Array): string {
  const size = data.BYTES_PER_ELEMENT;
  const bytes = Buffer.alloc(data.length * size);
  data.forEach((value, i) => (size === 4 ? bytes.writeFloatBE(value, 4 * i) : bytes.writeDoubleBE(value, 8 * i)));
  return bytes.toString('hex');
}

describe('what Python wrote is read with its bits', () => {
  test.each([
    ['savez.npz', 'npz', 'all'],
    ['savez-compressed.npz', 'npz', 'all'],
    ['folder', 'npy folder', 'all'],
    ['save_file.safetensors', 'safetensors', 'some'],
  ])('%s', async (name, format, which) => {
    const dump = await openDump(golden(name));
    expect(dump.format).toBe(format);
    expect(dump.path).toBe(golden(name));
    let count = 0;
    for (const [tensor, { dtype, shape, bits: wanted }] of Object.entries(expected)) {
      if (which === 'some' && !dump.tensors.has(tensor)) continue;
      count++;
      expect(dump.tensors.get(tensor), tensor).toMatchObject({ dtype, shape });
      const values = dump.read(tensor);
      expect(values.shape, tensor).toEqual(shape);
      expect(values.data, tensor).toBeInstanceOf(dtype === 'F64' ? Float64Array : Float32Array);
      expect(bits(values.data), tensor).toBe(wanted);
    }
    expect(count).toBe(which === 'all' ? 13 : 7);
    await dump.close();
    expect(() => dump.read('half')).toThrow(/closed: open the dump again/);
  });

  test('versions 2 and 3 of the .npy header', async () => {
    const dump = await openDump(golden('folder'));
    for (const name of ['version2', 'version3']) expect(bits(dump.read(name).data)).toBe(expected.single.bits);
    await dump.close();
  });

  test('metadata of safetensors', async () => {
    const dump = await openDump(golden('save_file.safetensors'));
    expect(dump.metadata).toEqual({ model: 'none', note: 'ü' });
    await dump.close();
  });

  test('reading twice gives the same numbers in memory of their own', async () => {
    for (const name of ['savez.npz', 'savez-compressed.npz', 'folder', 'save_file.safetensors']) {
      const dump = await openDump(golden(name));
      const first = dump.read('single').data;
      first.fill(7);
      expect(bits(dump.read('single').data)).toBe(expected.single.bits);
      await dump.close();
    }
  });
});

describe("what is no layer's output is listed, and refused when it is read", () => {
  test.each([
    ['savez.npz', 'integers', /got <i8; convert it to float32/],
    ['savez.npz', 'words', /got <U2/],
    ['savez.npz', 'records', /got structured records/],
    ['save_file.safetensors', 'integers', /got I64/],
    ['objects.npz', 'objects', /Python objects, which are never unpickled/],
  ])('%s %s', async (file, name, message) => {
    const dump = await openDump(golden(file));
    expect(dump.tensors.has(name)).toBe(true);
    expect(() => dump.read(name)).toThrow(message);
    expect(bits(dump.read('single').data)).toBe(expected.single.bits);
    await dump.close();
  });

  test('a name that is not there', async () => {
    const dump = await openDump(golden('savez.npz'));
    expect(() => dump.read('visual')).toThrow(
      new RangeError(
        `"${golden('savez.npz')}" has no tensor "visual"; it has 16 tensors: half, single, double, ` +
          'visual.layer1.0.conv1, fortran, …',
      ),
    );
    await dump.close();
  });
});

const npy = (header: string, data: Uint8Array = new Uint8Array(0), version = 1): Buffer => {
  const length =
    version === 1
      ? Buffer.of(header.length & 255, header.length >> 8)
      : Buffer.of(header.length & 255, header.length >> 8, 0, 0);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.of(version, 0), length, Buffer.from(header), data]);
};
const dictionary = (shape: string, descr = "'<f4'"): string =>
  `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }\n`;
const single = npy(dictionary('(2,)'), Buffer.alloc(8));

describe('a damaged or wrong file is told in one sentence', () => {
  test.each<[string, Uint8Array | string, RegExp]>([
    ['nothing', '', /is empty; copy or dump it again/],
    ['an image', '\xff\xd8\xff\xe0', /expected a dump, got JPEG; run clip-oracle trace on it first/],
    ['JSON', '[1, 2, 3, 4]', /expected a dump, got JSON/],
    ['a single array', single, /expected a dump, got a NumPy array; name the folder that holds it/],
    ['a pickle', Buffer.from('\x80\x02}q\x00.', 'latin1'), /expected a dump, got a Python pickle/],
    ['gzip', Buffer.from('\x1f\x8b\x08\x00', 'latin1'), /expected a dump, got a gzip file; unpack it/],
    [
      'torch.save',
      zip([{ name: 'archive/data.pkl', data: Buffer.from('x') }]),
      /is a file of torch\.save, expected a dump/,
    ],
    [
      'another zip',
      zip([{ name: 'readme.txt', data: Buffer.from('x') }]),
      /zip file without \.npy arrays \(it has "readme\.txt"\)/,
    ],
    [
      'safetensors, cut',
      safetensors({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, Buffer.alloc(4)),
      /"a" ends at byte 8 of the data, which has 4/,
    ],
    [
      'safetensors of another type',
      safetensors({ a: { dtype: 'F8_E4M3', shape: [2], data_offsets: [0, 2] } }, Buffer.alloc(2)),
      /element type "F8_E4M3"/,
    ],
    [
      'npz, array cut',
      zip([{ name: 'a.npy', data: single.subarray(0, single.length - 3) }]),
      /"a\.npy" ends early: expected 8 bytes for F32 \(2\), got 5/,
    ],
    [
      'npz, header cut',
      zip([{ name: 'a.npy', data: single.subarray(0, 20) }]),
      /"a\.npy" is not a valid \.npy array: it ends within its header/,
    ],
    ['npz, no array', zip([{ name: 'a.npy', data: Buffer.from('something else') }]), /does not begin with \\x93NUMPY/],
    ['npz, too short', zip([{ name: 'a.npy', data: Buffer.from('x') }]), /expected a header, got 1 bytes/],
    [
      'npz, version 9',
      zip([{ name: 'a.npy', data: npy(dictionary('(2,)'), Buffer.alloc(8), 9) }]),
      /expected version 1, 2 or 3 of the format, got 9/,
    ],
    [
      'npz, no shape',
      zip([{ name: 'a.npy', data: npy("{'descr': '<f4', 'fortran_order': False}") }]),
      /header expected 'descr', 'fortran_order' and 'shape'/,
    ],
    ['npz, negative extent', zip([{ name: 'a.npy', data: npy(dictionary('(-1,)')) }]), /header expected 'descr'/],
    ['npz, enormous', zip([{ name: 'a.npy', data: npy(dictionary('(999999999, 999999999)')) }]), /is too large/],
    [
      'npz, trailing bytes',
      zip([{ name: 'a.npy', data: Buffer.concat([single, Buffer.alloc(2)]) }]),
      /2 bytes follow its last element/,
    ],
    [
      'npz, deflated, lying about its size',
      zip([{ name: 'a.npy', data: single, deflate: true, claimedSize: single.length - 4 }]),
      /ends early/,
    ],
    [
      'npz, metadata that is none',
      zip([
        { name: 'a.npy', data: single },
        { name: 'metadata.json', data: Buffer.from('[]') },
      ]),
      /"metadata\.json" expected a JSON object/,
    ],
    ['npz, cut', zip([{ name: 'a.npy', data: single }]).subarray(0, 60), /damaged or truncated zip file/],
  ])('%s', async (what, bytes, message) => {
    const path = temporary.write(
      `${what.replace(/\W/g, '_')}.bin`,
      typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes,
    );
    expect(await failure(openDump(path))).toMatch(message);
  });

  test('no such path, an empty folder, a folder with a dump in it', async () => {
    expect(await failure(openDump(join(temporary.path, 'none')))).toMatch(/does not exist/);
    mkdirSync(join(temporary.path, 'bare'));
    expect(await failure(openDump(join(temporary.path, 'bare')))).toMatch(
      /expected a folder of \.npy files, got an empty one; name a dump/,
    );
    writeFileSync(join(temporary.path, 'bare', 'x.npz'), 'x');
    expect(await failure(openDump(join(temporary.path, 'bare')))).toMatch(
      /got none of them; name the file, such as .*x\.npz/,
    );
    writeFileSync(join(temporary.path, 'bare', 'x.npy'), 'x');
    expect(await failure(openDump(join(temporary.path, 'bare')))).toMatch(/x\.npy" is not a valid \.npy array/);
  });

  test('a flipped byte in an .npz is caught by the checksum', async () => {
    const bytes = readFileSync(golden('savez.npz'));
    const at = bytes.indexOf(Buffer.from(new Float32Array([0.1]).buffer)); // an element of "single"
    bytes[at] ^= 1;
    const dump = await openDump(temporary.write('flipped.npz', bytes));
    expect(() => dump.read('single')).toThrow(/"single\.npy" is damaged \(its checksum is wrong\)/);
    expect(bits(dump.read('half').data)).toBe(expected.half.bits);
    await dump.close();
  });

  test('a file that is written to while it is open', async () => {
    const path = join(temporary.path, 'changing.safetensors');
    copyFileSync(golden('save_file.safetensors'), path);
    const dump = await openDump(path);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)]));
    expect(() => dump.read('single')).toThrow(/has changed since it was opened/);
    await dump.close();
  });

  test('whatever bytes are changed, a dump is read or refused by a sentence', async () => {
    const originals = ['savez.npz', 'savez-compressed.npz', 'save_file.safetensors'].map((name) =>
      readFileSync(golden(name)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.array(fc.tuple(fc.nat(12000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(12000)),
        async (which, changes, cut) => {
          const bytes = Buffer.from(originals[which]);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const path = temporary.write('fuzz.bin', cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
          try {
            const dump = await openDump(path);
            for (const name of dump.tensors.keys()) {
              try {
                dump.read(name);
              } catch (error) {
                expect(sound(error as Error)).toBe(null);
              }
            }
            await dump.close();
          } catch (error) {
            if ((error as Error).name === 'AssertionError') throw error;
            expect(sound(error as Error)).toBe(null);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
