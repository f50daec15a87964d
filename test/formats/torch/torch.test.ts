// PyTorch's files, made by PyTorch (fixtures/checkpoints/make_torch.py), against the values that PyTorch says are in
// them.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTensorFile } from '../../../src/formats/open.ts';
import { openCheckpoint } from '../../../src/clip/weights/open.ts';
import {
  bytes,
  failure,
  fixture,
  fixtureJson,
  readAll,
  temporaryFolder,
  text,
  zip,
  type ZipMember,
} from '../../support/checkpoints.ts';

interface Entry {
  dtype: string;
  shape: number[];
  values: number[];
}
const expected = fixtureJson<Record<string, Record<string, Entry>>>('torch/expected.json');
const DTYPES: Record<string, string> = {
  uint8: 'U8',
  int8: 'I8',
  int16: 'I16',
  int32: 'I32',
  int64: 'I64',
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
  bool: 'BOOL',
};

describe('files written by PyTorch', () => {
  test.for(Object.keys(expected).filter((file) => Object.keys(expected[file]).length > 0))(
    '%s holds what PyTorch says',
    async (file) => {
      const read = await readAll(fixture(`torch/${file}`));
      expect([...read.keys()].sort()).toEqual(Object.keys(expected[file]).sort());
      for (const [name, entry] of Object.entries(expected[file])) {
        const got = read.get(name)!;
        expect(got.shape, name).toEqual(entry.shape);
        expect(got.dtype, name).toBe(DTYPES[entry.dtype]);
        // the values are exact in float64; float32 takes one rounding, which is the contract
        expect([...got.values], name).toEqual(entry.values.map(Math.fround));
      }
    },
  );

  test('the fixtures hold every kind of view: transposed, stepped, expanded, overlapping, 0-d, empty', () => {
    const views = expected['views.protocol2.pt'];
    expect(Object.keys(views)).toEqual(
      expect.arrayContaining([
        'transposed',
        'permuted',
        'stepped',
        'expanded',
        'windows',
        'element',
        'empty',
        'channels_last',
      ]),
    );
    expect(views.transposed.values.slice(0, 4)).toEqual([-3, -1, 1, -2.5]);
  });

  test.for([
    ['script.pt', 'TorchScript archive'],
    ['state_dict.pt', 'PyTorch zip'],
    ['types.deflated.pt', 'PyTorch zip'],
    ['types.legacy.pt', 'PyTorch legacy'],
  ])('%s is recognised as %s', async ([file, format]) => {
    const raw = await openTensorFile(fixture(`torch/${file}`));
    expect(raw.format).toBe(format);
    await raw.close();
  });

  test('a training checkpoint is read past its optimizer, arguments, numpy scalars and dates', async () => {
    const checkpoint = await openCheckpoint(fixture('torch/training.pt'));
    expect(checkpoint.layout).toBe('OpenAI (inside "model.model")');
    expect([...checkpoint.tensors.keys()]).toContain('visual.conv1.weight');
    expect([...checkpoint.tensors.keys()].filter((name) => /fc|exp_avg|num_batches/.test(name))).toEqual([]);
    await checkpoint.close();
  });

  test('a large strided tensor is read through many windows', async () => {
    // 700 x 800 doubles, 4.5 MB, transposed: four windows of the scratch buffer
    const [rows, columns] = [700, 800];
    const pickle = bytes(
      0x80,
      2,
      '}(',
      text('x'),
      'ctorch._utils\n_rebuild_tensor_v2\n((',
      text('storage'),
      'ctorch\nDoubleStorage\n',
      text('0'),
      text('cpu'),
      'J',
      Buffer.from(Int32Array.of(rows * columns).buffer),
      'tQK\x00',
      'M',
      Buffer.from(Uint16Array.of(columns).buffer),
      'M',
      Buffer.from(Uint16Array.of(rows).buffer),
      0x86,
      'K\x01M',
      Buffer.from(Uint16Array.of(columns).buffer),
      0x86,
      0x89,
      'NtRu.',
    );
    const file = temporaryFolder().write(
      'large.pt',
      zip([
        { name: 'a/data.pkl', data: pickle },
        { name: 'a/data/0', data: Buffer.from(Float64Array.from({ length: rows * columns }, (_, i) => i).buffer) },
      ]),
    );
    const { shape, values } = (await readAll(file)).get('x')!;
    expect(shape).toEqual([columns, rows]);
    let wrong = 0;
    for (let c = 0; c < columns; c++)
      for (let r = 0; r < rows; r++) if (values[c * rows + r] !== r * columns + c) wrong++;
    expect(wrong).toBe(0);
  });
});

describe('files that are refused', () => {
  const folder = temporaryFolder();
  test.for([
    [
      'module.pt',
      /names the Python object "torch\.nn\.modules\.container\.Sequential".*nothing was executed.*state_dict/,
    ],
    ['big-endian.pt', /big-endian/],
    ['big-endian.legacy.pt', /big-endian/],
    ['ema.pt', /holds 2 CLIP models \("state_dict\.", "ema\."\).*save the one/],
  ] as const)('%s', async ([file, message]) => {
    expect(await failure(openCheckpoint(fixture(`torch/${file}`)))).toMatch(message);
  });

  /** A zip around a pickle and storages of bytes. */
  const archive = (name: string, pickle: Uint8Array, more: ZipMember[] = []): string =>
    folder.write(name, zip([{ name: 'archive/data.pkl', data: pickle }, ...more]));
  const storage = (type: string, key: string, count: number): Buffer =>
    bytes('(', text('storage'), `ctorch\n${type}\n`, text(key), text('cpu'), 'K', count, 'tQ');
  const tensor = (from: Uint8Array, offset: number, shape: number[], strides: number[]): Buffer =>
    bytes(
      'ctorch._utils\n_rebuild_tensor_v2\n(',
      from,
      'K',
      offset,
      '(',
      ...shape.flatMap((n) => ['K', n]),
      't(',
      ...strides.flatMap((n) => ['K', n]),
      't',
      0x89,
      'NtR',
    );
  const dictionary = (...entries: [string, Uint8Array][]): Buffer =>
    bytes(0x80, 2, '}(', ...entries.flatMap(([key, value]) => [text(key), value]), 'u.');
  const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

  test('the builder makes a file that is read right, so that the refusals below are due to what they change', async () => {
    const file = archive('sound.pt', dictionary(['a', tensor(storage('FloatStorage', '0', 4), 1, [3], [1])]), [
      { name: 'archive/data/0', data: floats(1, 2, 3, 4) },
    ]);
    expect([...(await readAll(file)).get('a')!.values]).toEqual([2, 3, 4]);
  });

  test.for([
    ['os.system', bytes('cos\nsystem\n(', text('touch /tmp/executed'), 'tR.'), /"os\.system".*nothing was executed/],
    [
      'posix.system by STACK_GLOBAL',
      bytes(0x80, 4, 0x8c, 5, 'posix', 0x8c, 6, 'system', 0x93, '(', text('id'), 'tR.'),
      /"posix\.system".*nothing was executed/,
    ],
    ['builtins.eval', bytes('cbuiltins\neval\n(', text('1+1'), 'tR.'), /"builtins\.eval"/],
    ['__builtin__.exec by INST', bytes('(', text('x'), 'i__builtin__\nexec\n.'), /"__builtin__\.exec"/],
    [
      'a getattr inside a REDUCE of a REDUCE',
      bytes('ccollections\nOrderedDict\n(cbuiltins\ngetattr\n(', text('a'), text('b'), 'tRtR.'),
      /"builtins\.getattr"/,
    ],
    ['os.system as a dictionary value that is never called', dictionary(['a', bytes('cos\nsystem\n')]), /"os\.system"/],
    [
      'a module path that ends in an allowed name',
      bytes('cevil.collections\nOrderedDict\n)R.'),
      /"evil\.collections\.OrderedDict"/,
    ],
    ['torch.hub.load', bytes('ctorch.hub\nload\n)R.'), /"torch\.hub\.load"/],
    ['an unknown storage', bytes('ctorch\nQUInt8Storage\n.'), /"torch\.QUInt8Storage"/],
    ['an extension code', bytes(0x80, 2, 0x82, 1, '.'), /opcode 0x82/],
    ['a call of something that is no global', bytes('K\x01)R.'), /calls something that is not a global/],
  ] as const)('a pickle with %s', async ([, pickle, message]) => {
    expect(await failure(openTensorFile(archive('evil.pt', pickle)))).toMatch(message);
  });

  test('none of them was executed', () => {
    expect(() => readFileSync('/tmp/executed')).toThrow();
  });

  const zero = { name: 'archive/data/0', data: floats(1, 2, 3, 4) };
  test.for([
    [
      'a tensor past its storage',
      dictionary(['a', tensor(storage('FloatStorage', '0', 4), 2, [3], [1])]),
      [zero],
      /does not fit into its storage of 4 elements/,
    ],
    [
      'strides past the storage',
      dictionary(['a', tensor(storage('FloatStorage', '0', 4), 0, [2, 2], [3, 1])]),
      [zero],
      /does not fit/,
    ],
    [
      'as many strides as axes missing',
      dictionary(['a', tensor(storage('FloatStorage', '0', 4), 0, [2, 2], [1])]),
      [zero],
      /no valid storage, offset, shape and strides/,
    ],
    [
      'a missing storage',
      dictionary(['a', tensor(storage('FloatStorage', '7', 4), 0, [4], [1])]),
      [zero],
      /no entry "archive\/data\/7"/,
    ],
    [
      'a storage key that leaves the folder',
      dictionary(['a', tensor(storage('FloatStorage', '../../../../etc/passwd', 4), 0, [4], [1])]),
      [zero],
      /no entry "archive\/data\/\.\.\/\.\.\/\.\.\/\.\.\/etc\/passwd"/,
    ],
    [
      'a storage of another size',
      dictionary(['a', tensor(storage('DoubleStorage', '0', 4), 0, [4], [1])]),
      [zero],
      /expected 32 bytes for 4 elements of F64, got 16/,
    ],
    [
      'an entry twice',
      dictionary(['a', tensor(storage('FloatStorage', '0', 4), 0, [4], [1])]),
      [zero, zero],
      /"archive\/data\/0" twice/,
    ],
    [
      'the same name from two places',
      dictionary(
        ['a.b', tensor(storage('FloatStorage', '0', 4), 0, [4], [1])],
        ['a', bytes('}(', text('b'), tensor(storage('FloatStorage', '0', 4), 0, [4], [1]), 'u')],
      ),
      [zero],
      /the tensor "a\.b" twice/,
    ],
    [
      'a bomb: a storage that claims 1000 times what it can hold',
      dictionary(['a', tensor(storage('FloatStorage', '0', 4), 0, [4], [1])]),
      [{ ...zero, deflate: true, claimedSize: 4_000_000_000 }],
      /expected 16 bytes/,
    ],
  ] as const)('%s', async ([, pickle, members, message]) => {
    expect(await failure(openTensorFile(archive('bad.pt', pickle, [...members])))).toMatch(message);
  });

  test('a bomb: a pickle that claims more than it may have, or than deflate can pack, is not unpacked', async () => {
    const bomb = (claimedSize: number, data: Uint8Array): string =>
      folder.write('bomb.pt', zip([{ name: 'a/data.pkl', data, deflate: true, claimedSize }]));
    expect(await failure(openTensorFile(bomb(3_000_000_000, Buffer.alloc(1000))))).toMatch(
      /claims to hold 3000000000 bytes/,
    );
    expect(await failure(openTensorFile(bomb(1_000_000, Buffer.alloc(10))))).toMatch(/claims to hold 1000000 bytes/);
    // says 1000, holds a million
    expect(await failure(openTensorFile(bomb(1000, Buffer.alloc(1_000_000))))).toMatch(/cannot be unpacked/);
  });

  test.for([
    // {i: d} for i below 300, with d a dictionary of 60000 entries: 18 million entries to walk in 400 kB
    [
      'a dictionary of dictionaries that are all the same',
      bytes(
        '}(',
        ...Array.from({ length: 60_000 }, (_, i) => bytes('M', i & 255, i >> 8, 'N')),
        'uq\x000}(',
        ...Array.from({ length: 300 }, (_, i) => bytes('M', i & 255, i >> 8, 'h\x00')),
        'u.',
      ),
      /repeats them more often/,
    ],
    // OrderedDict(list) 300 times over the same list of 60000 items
    [
      'copies of one list',
      bytes(
        '(',
        Buffer.alloc(60_000, 'N'),
        'lq\x000(',
        ...Array.from({ length: 300 }, () => bytes('ccollections\nOrderedDict\n(h\x00tR')),
        't.',
      ),
      /repeats its contents more often/,
    ],
    [
      'a hundred and one levels',
      bytes(...Array.from({ length: 102 }, () => bytes('}', text('a'))), 'N', Buffer.alloc(102, 's'), '.'),
      /nests its contents deeper/,
    ],
    [
      'a doubling at each of 60 levels',
      bytes('}', ...Array.from({ length: 60 }, () => bytes('q\x010}(', text('a'), 'h\x01', text('b'), 'h\x01u')), '.'),
      /repeats them more often/,
    ],
    ['a name of 10000 letters', bytes('}', text('n'.repeat(10_000)), '}s.'), /names them longer/],
  ] as const)('a pickle that is small but walks far: %s', async ([, pickle, message]) => {
    const start = performance.now();
    expect(await failure(openTensorFile(archive('far.pt', pickle)))).toMatch(message);
    // it takes milliseconds; without the limits minutes or all memory
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test('names that leave the folder do no harm: they are only names', async () => {
    const file = archive('names.pt', dictionary(['a', tensor(storage('FloatStorage', '0', 4), 0, [4], [1])]), [
      zero,
      { name: '../../escaped', data: floats(0) },
      { name: '/etc/absolute', data: floats(0) },
      { name: 'c:\\windows', data: floats(0) },
    ]);
    expect([...(await readAll(file)).get('a')!.values]).toEqual([1, 2, 3, 4]);
  });

  test('a zip file that is no checkpoint', async () => {
    expect(
      await failure(openTensorFile(folder.write('x.zip', zip([{ name: 'readme.txt', data: Buffer.from('hello') }])))),
    ).toMatch(/without data\.pkl/);
  });

  test('a pickle whose checksum differs', async () => {
    const pickle = dictionary(['a', tensor(storage('FloatStorage', '0', 4), 0, [4], [1])]);
    const file = zip([{ name: 'archive/data.pkl', data: pickle }, zero]);
    file[file.indexOf('cpu')] ^= 1;
    expect(await failure(openTensorFile(folder.write('crc.pt', file)))).toMatch(/checksum differs/);
  });

  test('a pickle that is no checkpoint of PyTorch', async () => {
    expect(await failure(openTensorFile(folder.write('list.pkl', bytes(0x80, 4, ']K\x01a.'))))).toMatch(
      /not a checkpoint of PyTorch/,
    );
  });

  test('a legacy file with a view of a storage is read at the view', async () => {
    const source = readFileSync(fixture('torch/head.cuda.pth'));
    // weight = ones (1, 2), bias = zeros (1); the bias becomes a view of the weight's storage at element 1
    const object = dictionary(
      [
        'weight',
        tensor(bytes('(', text('storage'), 'ctorch\nFloatStorage\n', text('7'), text('cpu'), 'K\x04NtQ'), 0, [2], [1]),
      ],
      [
        'view',
        tensor(
          bytes(
            '(',
            text('storage'),
            'ctorch\nFloatStorage\n',
            text('7'),
            text('cpu'),
            'K\x04(',
            text('8'),
            'K\x01K\x02ttQ',
          ),
          1,
          [1],
          [1],
        ),
      ],
    );
    const head = source.subarray(0, source.indexOf(bytes('sizes')));
    expect(head.length).toBeGreaterThan(0);
    const stream = bytes(
      0x80,
      2,
      0x8a,
      10,
      Buffer.from('6cfc9c46f9206aa85019', 'hex'),
      '.',
      0x80,
      2,
      'M\xe9\x03.',
      0x80,
      2,
      '}.',
      object,
      0x80,
      2,
      '](',
      text('7'),
      'e.',
      Buffer.from(BigInt64Array.of(4n).buffer),
      floats(10, 11, 12, 13),
    );
    const read = await readAll(folder.write('view.pt', stream));
    expect([...read.get('weight')!.values]).toEqual([10, 11]);
    expect([...read.get('view')!.values]).toEqual([12]);
  });
});
