// Weight files: zip, pickle, PyTorch's two formats, safetensors, gzip, shards.

import { gunzipSync, gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { architectureFrom, checkParameters, parameterShapes } from '../../../src/clip/parameters.ts';
import { MemorySource } from '../../../src/formats/byte-source.ts';
import { gunzip } from '../../../src/formats/gzip.ts';
import { findModel } from '../../../src/clip/weights/layouts.ts';
import { openTensorFile } from '../../../src/formats/open.ts';
import { unpickle } from '../../../src/formats/torch/pickle.ts';
import type { TensorFile } from '../../../src/formats/tensor-file.ts';
import { readSafetensors } from '../../../src/formats/safetensors.ts';
import { readStored } from '../../../src/formats/stored-tensor.ts';
import { sizeOf } from '../../../src/ops/tensor.ts';
import { readTorchLegacy } from '../../../src/formats/torch/legacy.ts';
import { metadataOf } from '../../../src/formats/torch/metadata.ts';
import { collectTensors, torchHooks } from '../../../src/formats/torch/objects.ts';
import { readTorchZip } from '../../../src/formats/torch/zip.ts';
import { listZip } from '../../../src/formats/zip.ts';
import { packageFile } from '../../../src/clip/package-file.ts';
import { utf8 } from '../mutate/bytes.ts';
import { havoc, type Mutator } from '../mutate/havoc.ts';
import { json } from '../mutate/json.ts';
import { pickle } from '../mutate/pickle.ts';
import { safetensors, safetensorsOf } from '../mutate/safetensors.ts';
import { entriesOf, zip } from '../mutate/zip.ts';
import { asFile, KB, MB, seedFiles, type Target } from './target.ts';

/** What a load does: the model is looked for, every tensor of a size that a file of 16 kB could have is read. */
async function readAll(raw: TensorFile): Promise<void> {
  for (const tensor of raw.tensors.values()) {
    const count = sizeOf(tensor.shape);
    if (count <= 16384) await readStored(tensor, new Float32Array(count), 0);
  }
  const { tensors } = findModel(raw.tensors, raw.origin);
  checkParameters({ origin: raw.origin, tensors }, architectureFrom(tensors));
}

/** Headers of a whole model whose tensors hold nothing: for the layouts and the architecture. */
function emptyModel(names: (name: string) => string = (name) => name): Uint8Array {
  const shapes = parameterShapes({
    embed: 8,
    vision: { kind: 'VisionTransformer', resolution: 4, patch: 4, width: 64, layers: 1, heads: 1, mlp: 256 },
    text: null,
  });
  return safetensorsOf(
    JSON.stringify(
      Object.fromEntries(
        [...shapes].map(([name, { shape }]) => [
          names(name),
          { dtype: 'F32', shape: [0, ...shape.slice(1)], data_offsets: [0, 0] },
        ]),
      ),
    ),
    new Uint8Array(0),
  );
}

export function safetensorsSeeds(): Uint8Array[] {
  return [
    safetensorsOf(
      '{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]}}',
      new Uint8Array(32),
    ),
    safetensorsOf(
      '{"__metadata__":{"format":"pt"},"visual.conv1.weight":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"s":{"dtype":"F64","shape":[],"data_offsets":[8,16]}}',
      new Uint8Array(16),
    ),
    emptyModel(),
    emptyModel((name) => `module.${name}`),
    emptyModel((name) => name.replace('visual.conv1', 'visual.trunk')),
    safetensorsOf(
      '{"vision_model.embeddings.patch_embedding.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"vision_model.embeddings.class_embedding":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},' +
        '"visual_projection.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]},"vision_model.encoder.layers.0.self_attn.q_proj.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[12,16]},' +
        '"vision_model.encoder.layers.0.self_attn.k_proj.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[16,20]},"vision_model.encoder.layers.0.self_attn.v_proj.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[20,24]}}',
      new Uint8Array(24),
    ),
    ...seedFiles(['dumps', 'tiny'], ['.safetensors']),
  ];
}

const torchFiles = (): Uint8Array[] => seedFiles(['checkpoints/torch', 'training'], ['.pt', '.pth']);
const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;
export const torchZips = (): Uint8Array[] => torchFiles().filter(isZip);
export const torchLegacies = (): Uint8Array[] => torchFiles().filter((bytes) => !isZip(bytes));
export const inTorchZip: Mutator = zip((name) => (name.endsWith('data.pkl') ? pickle : null));

function pickleSeeds(): Uint8Array[] {
  const path = packageFile('fixtures/checkpoints/pickles.json.gz');
  const plain = (JSON.parse(gunzipSync(readFileSync(path)).toString()) as { pickle: string }[]).map((entry) =>
    Uint8Array.from(Buffer.from(entry.pickle, 'base64')),
  );
  const torch = torchZips().flatMap((bytes) =>
    entriesOf(bytes)
      .filter(({ name }) => Buffer.from(name).toString().endsWith('data.pkl'))
      .map(({ data }) => data),
  );
  return [...torch, ...plain.filter((bytes) => bytes.length < 512)];
}

let shard: Uint8Array | undefined;

/** Reading what is there costs a few copies; the scratch buffer is a megabyte. */
const fileLimit = (size: number): number => 4 * MB + 256 * size;

export const ARCHIVE_TARGETS: readonly Target[] = [
  {
    name: 'zip',
    sources: ['formats/zip'],
    seeds: () => [...torchZips(), ...seedFiles(['dumps'], ['.npz'])],
    mutators: [zip(), havoc],
    limit: (size) => MB + 64 * size,
    async run(input) {
      for (const entry of (await listZip(new MemorySource('x.zip', input))).values()) await entry.dataStart();
    },
  },
  {
    name: 'pickle',
    sources: ['formats/torch/pickle', 'formats/torch/objects', 'formats/torch/metadata'],
    seeds: pickleSeeds,
    mutators: [pickle, pickle, havoc],
    limit: (size) => 512 * KB + 64 * size,
    run(input) {
      const { value } = unpickle(input, 0, '"x.pt"', torchHooks('x.pt'));
      return Promise.resolve([collectTensors(value, 'x.pt'), metadataOf(value)]);
    },
  },
  {
    name: 'torch-zip',
    sources: ['formats/torch/', 'formats/torch/pickle', 'formats/stored-tensor', 'formats/zip', 'clip/weights/layouts'],
    seeds: torchZips,
    mutators: [inTorchZip, inTorchZip, havoc],
    limit: (size) => 4 * MB + 2 * 1032 * size,
    run: async (input) => readAll(await readTorchZip(new MemorySource('x.pt', input))),
  },
  {
    name: 'torch-legacy',
    sources: ['formats/torch/legacy', 'formats/torch/objects', 'formats/torch/pickle', 'formats/stored-tensor'],
    seeds: torchLegacies,
    mutators: [pickle, havoc],
    limit: fileLimit,
    run: async (input) => readAll(await readTorchLegacy(new MemorySource('x.pt', input))),
  },
  {
    name: 'safetensors',
    sources: [
      'formats/safetensors',
      'formats/json',
      'clip/weights/layouts',
      'clip/weights/huggingface',
      'clip/parameters',
      'formats/stored-tensor',
    ],
    seeds: safetensorsSeeds,
    mutators: [safetensors, safetensors, havoc],
    limit: fileLimit,
    run: async (input) => readAll(await readSafetensors(new MemorySource('x.safetensors', input))),
  },
  {
    name: 'safetensors-gz',
    sources: ['formats/gzip'],
    seeds: () => safetensorsSeeds().map((bytes) => new Uint8Array(gzipSync(bytes))),
    weight: 0.5,
    mutators: [
      havoc,
      (input, around) => {
        try {
          return new Uint8Array(
            gzipSync(safetensors(new Uint8Array(gunzipSync(input, { maxOutputLength: 1 << 20 })), around), {
              level: 1,
            }),
          );
        } catch {
          return havoc(input, around);
        }
      },
    ],
    limit: (size) => 4 * MB + 3 * 1032 * size,
    run: async (input) =>
      readAll(await readSafetensors(new MemorySource('x', await gunzip(new MemorySource('x.safetensors.gz', input))))),
  },
  {
    // Through the door that users take: the format found by content, a shard beside the index.
    name: 'weight-file',
    sources: ['formats/open', 'formats/read', 'formats/sharded', 'formats/byte-source', 'formats/file-source'],
    weight: 0.5,
    seeds: () => [
      utf8('{"metadata":{"total_size":32},"weight_map":{"a":"shard-1.safetensors","b":"shard-1.safetensors"}}'),
      utf8('{"weight_map":{"a":"weights","b":"../x"}}'),
      ...safetensorsSeeds().slice(0, 3),
      ...torchFiles(),
    ],
    mutators: [
      havoc,
      (input, around) =>
        (input[0] === 0x7b ? json : isZip(input) ? inTorchZip : input[0] === 0x80 ? pickle : safetensors)(
          input,
          around,
        ),
    ],
    limit: (size) => 4 * MB + 2 * 1032 * size,
    async run(input) {
      asFile('shard-1.safetensors', (shard ??= safetensorsSeeds()[0]));
      const raw = await openTensorFile(asFile('weights', input));
      try {
        await readAll(raw);
      } finally {
        await raw.close();
      }
    },
  },
];
