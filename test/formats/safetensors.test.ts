// safetensors: every rule of the format, and what breaks each.

import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openTensorFile } from '../../src/formats/open.ts';
import { counting, failure, readAll, safetensors, temporaryFolder } from '../support/checkpoints.ts';

const folder = temporaryFolder();
const entry = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype: unknown = 'F32'): unknown => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const data = (bytes: number): Buffer => Buffer.alloc(bytes);

describe('sound files', () => {
  test('tensors, order of the data, metadata, 0-d and empty tensors, padding of the header', async () => {
    const header = JSON.stringify({
      b: entry(4, 12),
      a: entry(0, 4, []),
      none: entry(12, 12, [0, 3]),
      __metadata__: { format: 'pt' },
    });
    const file = folder.write(
      'a.safetensors',
      safetensors(`${header}     `, Buffer.from(Float32Array.of(1, 2, 3).buffer)),
    );
    const raw = await openTensorFile(file);
    expect(raw.metadata).toEqual({ format: 'pt' });
    expect([...raw.tensors.keys()]).toEqual(['a', 'b', 'none']);
    await raw.close();
    const all = await readAll(file);
    expect([...all.get('a')!.values, ...all.get('b')!.values, ...all.get('none')!.values]).toEqual([1, 2, 3]);
    expect(all.get('a')!.shape).toEqual([]);
  });

  test('an odd header puts the data at an odd position, and it is read right', async () => {
    for (const pad of ['', ' ', '  ', '   ']) {
      const file = folder.write(
        'odd.safetensors',
        safetensors(
          `${JSON.stringify({ a: entry(0, 8, [1], 'F64'), b: entry(8, 10, [1], 'F16') })}${pad}`,
          Buffer.concat([Buffer.from(Float64Array.of(1.5).buffer), Buffer.of(0, 0x3c)]),
        ),
      );
      const all = await readAll(file);
      expect([all.get('a')!.values[0], all.get('b')!.values[0]]).toEqual([1.5, 1]);
    }
  });

  test('a header of 128 bytes, which begins like a pickle', async () => {
    const json = JSON.stringify({ a: entry(0, 4) });
    const file = safetensors(json.padEnd(128, ' '), data(4));
    expect(file[0]).toBe(0x80);
    expect((await readAll(folder.write('p.safetensors', file))).size).toBe(1);
  });

  test('gzipped', async () => {
    expect([
      ...(await readAll(folder.write('g.safetensors.gz', gzipSync(counting({ x: [3] }))))).get('x')!.values,
    ]).toEqual([1, 2, 3]);
  });

  test('a tensor of more than one chunk', async () => {
    const file = folder.write('large.safetensors', counting({ small: [3], large: [700, 1000] }));
    const values = (await readAll(file)).get('large')!.values;
    expect([values[0], values[1], values[262143], values[262144], values[699999]]).toEqual([
      4, 5, 262147, 262148, 700003,
    ]);
  });

  test('keys like __proto__ and constructor are only names', async () => {
    const file = folder.write(
      'proto.safetensors',
      safetensors(
        '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"constructor":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        data(8),
      ),
    );
    expect([...(await readAll(file)).keys()]).toEqual(['__proto__', 'constructor']);
  });
});

describe('broken files', () => {
  const gigantic = (length: bigint): Buffer => {
    const file = safetensors('{}');
    file.writeBigUInt64LE(length);
    return file;
  };
  test.for([
    ['empty', Buffer.alloc(0), /is empty/],
    ['three bytes', Buffer.of(1, 2, 3), /expected at least 8 bytes, got 3/],
    [
      'a header of 2^64 - 1 bytes',
      gigantic(2n ** 64n - 1n),
      /claims 18446744073709552000 bytes, more than the 100000000/,
    ],
    ['a header of 2^63 bytes', gigantic(2n ** 63n), /more than the 100000000 that are allowed/],
    ['a header of 100 MB and a byte', gigantic(100_000_001n), /claims 100000001 bytes, more than/],
    ['a header longer than the file', gigantic(1000n), /claims 1000 bytes, but the file has only 10/],
    ['a header of no bytes', gigantic(0n), /does not begin with "\{"/],
    ['a header that is an array', safetensors('[]'), /does not begin with "\{"/],
    ['a header that is no JSON', safetensors('{"a": '), /not valid JSON/],
    ['a header that is no UTF-8', safetensors('{"a').fill(0xff, 9), /not UTF-8/],
    [
      'a duplicate name',
      safetensors(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}, "\\u0061" ' +
          ':{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        data(4),
      ),
      /has the key "a" twice/,
    ],
    [
      'a duplicate field',
      safetensors('{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', data(4)),
      /has the key "dtype" twice/,
    ],
    ['overlapping tensors', safetensors({ a: entry(0, 8), b: entry(4, 12) }, data(12)), /"b" overlaps "a"/],
    ['the same bytes twice', safetensors({ a: entry(0, 8), b: entry(0, 8) }, data(8)), /"b" overlaps "a"/],
    ['a hole', safetensors({ a: entry(0, 4), b: entry(8, 12) }, data(12)), /4 bytes before "b" belong to no tensor/],
    ['bytes left over', safetensors({ a: entry(0, 4) }, data(12)), /8 bytes at the end belong to no tensor/],
    [
      'a tensor after the end',
      safetensors({ a: entry(0, 400) }, data(8)),
      /"a" ends at byte 400 of the data, which has 8/,
    ],
    ['a truncated file', counting({ a: [100] }).subarray(0, 300), /"a" ends at byte 400 of the data/],
    [
      'shape and bytes that differ',
      safetensors({ a: entry(0, 8, [3]) }, data(8)),
      /"a" expected 12 bytes for F32 \(3\), got 8/,
    ],
    [
      'offsets the wrong way round',
      safetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, data(4)),
      /expected data_offsets \[begin, end\], got \[4,0\]/,
    ],
    [
      'negative offsets',
      safetensors({ a: { dtype: 'F32', shape: [1], data_offsets: [-4, 0] } }, data(4)),
      /data_offsets/,
    ],
    [
      'offsets beyond whole numbers',
      safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e300]}}', data(4)),
      /data_offsets/,
    ],
    [
      'a negative extent',
      safetensors({ a: entry(0, 4, [-1]) }, data(4)),
      /expected a shape of whole numbers, got \[-1\]/,
    ],
    [
      'extents whose product is beyond whole numbers',
      safetensors({ a: entry(0, 4, [1e9, 1e9, 1e9]) }, data(4)),
      /expected a shape of whole numbers/,
    ],
    [
      'a shape of text',
      safetensors({ a: entry(0, 4, 'one') }, data(4)),
      /expected a shape of whole numbers, got "one"/,
    ],
    [
      'no shape',
      safetensors({ a: { dtype: 'F32', data_offsets: [0, 4] } }, data(4)),
      /expected a shape of whole numbers/,
    ],
    [
      'an unknown type',
      safetensors({ a: entry(0, 4, [4], 'F8_E4M3') }, data(4)),
      /element type "F8_E4M3", which is not one of F16, BF16.*convert/,
    ],
    [
      'a type out of Object.prototype',
      safetensors({ a: entry(0, 4, [4], 'toString') }, data(4)),
      /element type "toString"/,
    ],
    ['an entry that is null', safetensors({ a: null }), /"a" expected an object/],
    [
      'metadata that are numbers',
      safetensors({ __metadata__: { a: 1 } }),
      /"__metadata__" expected an object of strings/,
    ],
    ['a broken gzip stream', Buffer.of(0x1f, 0x8b, 8, 0, 1, 2, 3), /not a valid gzip/],
    ['a truncated gzip stream', gzipSync(counting({ x: [100] })).subarray(0, 60), /not a valid gzip/],
    [
      'a gzip bomb of 300 MB',
      gzipSync(Buffer.alloc(300 << 20), { level: 1 }),
      /unpacks to more than 256 MB; unpack it with gunzip/,
    ],
    ['a web page', Buffer.from('<!DOCTYPE html><html>'), /expected a file of weights, got an HTML page/],
    [
      'a Git LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'),
      /Git LFS.*git lfs pull/,
    ],
    ['a PNG', Buffer.from('\x89PNG\r\n\x1a\n0000000000', 'latin1'), /expected a file of weights, got PNG/],
    ['an ONNX model', Buffer.from('\x08\x07\x12\x07pytorch0000000', 'latin1'), /ONNX/],
  ] as const)('%s', async ([, bytes, message]) => {
    const text = await failure(openTensorFile(folder.write('broken.safetensors', bytes)));
    expect(text).toMatch(message);
    expect(text).toContain('broken.safetensors');
  });

  test('a path that does not exist, a folder without weights, a folder with many', async () => {
    expect(await failure(openTensorFile('/nowhere/at/all'))).toMatch(/does not exist; check the path/);
    const { mkdirSync, writeFileSync } = await import('node:fs');
    mkdirSync(`${folder.path}/empty`);
    expect(await failure(openTensorFile(`${folder.path}/empty`))).toMatch(/one file of weights, got none/);
    mkdirSync(`${folder.path}/many`);
    for (const name of ['a.safetensors', 'b.pt']) writeFileSync(`${folder.path}/many/${name}`, counting({ x: [1] }));
    expect(await failure(openTensorFile(`${folder.path}/many`))).toMatch(
      /got 2 \(a\.safetensors, b\.pt\); name the file/,
    );
  });
});
