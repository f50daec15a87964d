// Dumps of layers in NumPy's formats, golden packs, embedded collections, maps of names.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openFeatures } from '../../../src/features/read.ts';
import { readMap } from '../../../src/cli/verify-inputs.ts';
import { openDump } from '../../../src/formats/dump/open.ts';
import { decodeNpy, NPY_HEADER_BYTES, npyHeader } from '../../../src/formats/npy.ts';
import { checkGoldenPack } from '../../../src/oracle/golden/check.ts';
import { textOf, utf8 } from '../mutate/bytes.ts';
import { havoc, type Mutator } from '../mutate/havoc.ts';
import { json } from '../mutate/json.ts';
import { npy, npyOf } from '../mutate/npy.ts';
import { safetensors, safetensorsOf } from '../mutate/safetensors.ts';
import { text } from '../mutate/text.ts';
import { zip, zipOf } from '../mutate/zip.ts';
import { safetensorsSeeds } from './archives.ts';
import { asFile, MB, scratch, seedFiles, type Target } from './target.ts';

const inNpz: Mutator = zip((name) => (name.endsWith('.npy') ? npy : name.endsWith('.json') ? json : null));

const npzSeed = (): Uint8Array =>
  zipOf([
    {
      name: utf8('visual.npy'),
      data: npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n", new Uint8Array(8)),
      deflate: false,
    },
    {
      name: utf8('features.npy'),
      data: npyOf("{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }\n", new Uint8Array(12)),
      deflate: true,
    },
    { name: utf8('metadata.json'), data: utf8('{"model":"RN50","seed":0}'), deflate: true },
  ]);

const MODULE = {
  name: 'visual',
  shape: [1, 2],
  sha256: 'x'.repeat(64),
  norm: 1,
  tolerances: { float32: 1e-6, float16: 1e-3 },
};
const packSeed = (): Uint8Array =>
  utf8(
    JSON.stringify({
      kind: 'clip-oracle golden pack',
      model: 'RN50',
      weights: 'synthetic:0',
      weightsSha256: 'x',
      seed: 0,
      image: { shape: [1, 3, 2, 2], sha256: 'x' },
      modules: [MODULE],
      allSha256: 'x',
      samples: 31,
      version: '0',
      contract: '0',
    }),
  );

async function readAll(path: string): Promise<void> {
  const dump = await openDump(path);
  try {
    // Not elementCount: it has counters, and what a seed gives would change.
    for (const [name, { shape }] of dump.tensors)
      if (shape.reduce((product, n) => product * n, 1) <= 65536) dump.read(name);
  } finally {
    await dump.close();
  }
}

export const DUMP_TARGETS: readonly Target[] = [
  {
    name: 'npy',
    sources: ['formats/npy.', 'formats/elements'],
    mutators: [npy, havoc],
    seeds: () => seedFiles(['dumps'], ['.npy']),
    limit: (size) => MB + 64 * size,
    run(input) {
      const header = npyHeader(input.subarray(0, NPY_HEADER_BYTES), input.length, '"x.npy"');
      return Promise.resolve(decodeNpy(input.slice(header.start), header, '"x.npy"'));
    },
  },
  {
    name: 'npz',
    sources: ['formats/dump/', 'formats/zip'],
    mutators: [inNpz, inNpz, havoc],
    seeds: () => [npzSeed(), ...seedFiles(['dumps'], ['.npz'])],
    limit: (size) => 4 * MB + 3 * 1032 * size,
    run: (input) => readAll(asFile('x.npz', input)),
  },
  {
    name: 'dump',
    sources: ['formats/dump/open', 'formats/dump/safetensors-dump'],
    mutators: [safetensors, havoc],
    weight: 0.5,
    seeds: safetensorsSeeds,
    limit: (size) => 4 * MB + 256 * size,
    run: (input) => readAll(asFile('x.safetensors', input)),
  },
  {
    name: 'golden-pack',
    sources: ['oracle/golden/pack', 'oracle/golden/check'],
    mutators: [json, havoc],
    weight: 0.5,
    seeds: () => [packSeed()],
    limit: (size) => 4 * MB + 256 * size,
    async run(input) {
      const folder = join(scratch(), 'pack');
      mkdirSync(folder, { recursive: true });
      asFile('pack/pack.json', input);
      const samples = safetensorsOf(
        '{"visual":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"image":{"dtype":"F64","shape":[12],"data_offsets":[16,112]}}',
        new Uint8Array(112),
      );
      asFile('pack/samples.safetensors', samples);
      const dump = await openDump(
        asFile(
          'dump.safetensors',
          safetensorsOf('{"visual":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}', new Uint8Array(8)),
        ),
      );
      try {
        return await checkGoldenPack(dump, folder);
      } finally {
        await dump.close();
      }
    },
  },
  {
    name: 'features',
    sources: ['features/read'],
    weight: 0.5,
    seeds: () => [
      npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", new Uint8Array(24)),
      npzSeed(),
      utf8(
        '{"path":"a.jpg","model":"RN50","features":[1,2.5,-3e-8]}\n{"path":"b.jpg","error":"x"}\n{"path":"c","features":[0,0,0]}\n',
      ),
      safetensorsOf(
        '{"__metadata__":{"paths":"[\\"a\\",null]","model":"RN50"},"features":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}',
        new Uint8Array(16),
      ),
    ],
    mutators: [
      (input, around) =>
        (input[0] === 0x93
          ? npy
          : input[0] === 0x50
            ? inNpz
            : input[0] === 0x7b
              ? around.random.one(2)
                ? text
                : lines
              : safetensors)(input, around),
      havoc,
    ],
    limit: (size) => 16 * MB + 3 * 1032 * size,
    async run(input) {
      const ending =
        input[0] === 0x93 ? 'npy' : input[0] === 0x50 ? 'npz' : input[0] === 0x7b ? 'jsonl' : 'safetensors';
      const collection = await openFeatures(asFile(`features.${ending}`, input));
      for await (const rows of collection.rows())
        if (rows.length === 0)
          throw new Error('"features" expected no empty piece, got one; this is a mistake of the reader');
    },
  },
  {
    name: 'name-map',
    sources: ['cli/commands/verify', 'oracle/names'],
    mutators: [json, havoc],
    weight: 0.25,
    seeds: () => [utf8('{"conv1":"visual.conv1","x":"image"}')],
    limit: (size) => MB + 64 * size,
    run: (input) => readMap(asFile('map.json', input)),
  },
];

/** JSON Lines: one of the lines is changed as JSON. */
function lines(input: Uint8Array, around: Parameters<Mutator>[1]): Uint8Array {
  const all = textOf(input).split('\n'),
    at = around.random.below(all.length);
  all[at] = textOf(json(utf8(all[at]), around));
  return utf8(all.join('\n'));
}
