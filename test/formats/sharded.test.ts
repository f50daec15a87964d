// Weights in several files, found through an index.

import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../src/clip/weights/open.ts';
import { counting, failure, temporaryFolder } from '../support/checkpoints.ts';

const folder = temporaryFolder();
let count = 0;

/** A folder with two shards and an index; returns the folder. */
function shards(
  weightMap: unknown,
  files: Record<string, Uint8Array> = {
    'model-00001-of-00002.safetensors': counting({ 'visual.conv1.weight': [2], 'visual.proj': [3] }),
    'model-00002-of-00002.safetensors': counting({ logit_scale: [], unlisted: [1] }),
  },
): string {
  const path = `${folder.path}/shards${count++}`;
  mkdirSync(path);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(`${path}/${name}`, bytes);
  writeFileSync(
    `${path}/model.safetensors.index.json`,
    typeof weightMap === 'string' ? weightMap : JSON.stringify({ metadata: { total_size: 24 }, weight_map: weightMap }),
  );
  return path;
}

const MAP = {
  'visual.conv1.weight': 'model-00001-of-00002.safetensors',
  'visual.proj': 'model-00001-of-00002.safetensors',
  logit_scale: 'model-00002-of-00002.safetensors',
};

test('the folder and the index open the same model; tensors come from their shards', async () => {
  const path = shards(MAP);
  for (const source of [path, `${path}/model.safetensors.index.json`]) {
    const checkpoint = await openCheckpoint(source);
    expect(checkpoint.format).toBe('safetensors, 2 shards');
    expect([...checkpoint.tensors.keys()]).toEqual(['visual.conv1.weight', 'visual.proj', 'logit_scale']);
    const projection = new Float32Array(3),
      scale = new Float32Array(1);
    await checkpoint.read('visual.proj', projection);
    await checkpoint.read('logit_scale', scale);
    expect([...projection, ...scale]).toEqual([3, 4, 5, 1]);
    await checkpoint.close();
    expect(await failure(checkpoint.read('visual.proj', projection))).toMatch(/is closed/);
  }
});

test.for([
  [
    'a missing shard',
    { ...MAP, logit_scale: 'model-00003-of-00003.safetensors' },
    /names the shard "model-00003-of-00003\.safetensors", which is missing; download it/,
  ],
  [
    'a tensor that is not in its shard',
    { ...MAP, 'visual.proj': 'model-00002-of-00002.safetensors' },
    /has no tensor "visual\.proj"/,
  ],
  [
    'a shard outside the folder',
    { ...MAP, logit_scale: '../model.safetensors' },
    /names the shard "\.\.\/model\.safetensors".*same folder/,
  ],
  ['a shard by an absolute path', { ...MAP, logit_scale: '/etc/passwd' }, /names the shard "\/etc\/passwd"/],
  ['a shard with a backslash', { ...MAP, logit_scale: '..\\x' }, /names the shard/],
  ['a shard that is the folder above', { ...MAP, logit_scale: '..' }, /names the shard "\.\."/],
  ['a shard that is a number', { ...MAP, logit_scale: 7 }, /names the shard 7/],
  [
    'a shard that is the index itself',
    { ...MAP, logit_scale: 'model.safetensors.index.json' },
    /is an index of shards that is listed as a shard itself; correct the index/,
  ],
  ['no weight_map', '{"metadata":{}}', /no "weight_map"/],
  ['an empty weight_map', {}, /no "weight_map"/],
  ['a list', '{"weight_map":[]}', /no "weight_map"/],
  ['no JSON', '{"weight_map"', /not valid JSON/],
  ['a tensor listed twice', `{"weight_map":{"a":"x","a":"y"}}`, /key "a" twice/],
] as const)('%s is an error', async ([, map, message]) => {
  expect(await failure(openCheckpoint(shards(map)))).toMatch(message);
});

test('a damaged shard is named', async () => {
  expect(
    await failure(
      openCheckpoint(
        shards(MAP, {
          'model-00001-of-00002.safetensors': Buffer.from([1, 2, 3]),
          'model-00002-of-00002.safetensors': counting({ logit_scale: [] }),
        }),
      ),
    ),
  ).toMatch(/model-00001-of-00002\.safetensors" is not a valid safetensors file/);
});
