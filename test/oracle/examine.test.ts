// A dump is examined once, before weights are read: which model it is of, and whether it can be compared at all.

import { expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { MODELS } from '../../src/clip/models.ts';
import { load } from '../../src/clip/load.ts';
import type { Dump } from '../../src/formats/dump/dump.ts';
import { candidateModels } from '../../src/oracle/candidate-models.ts';
import { examine, UnknownModelError } from '../../src/oracle/examine.ts';
import { memoryDump } from '../../src/oracle/memory-dump.ts';
import { moduleShapes } from '../../src/oracle/module-shapes.ts';
import { verify } from '../../src/oracle/verify.ts';

const modelsOf = (dump: Dump): string[] => candidateModels(dump).map(({ model }) => model.name);

/** A dump with shapes and no numbers. */
const shaped = (shapes: Iterable<[string, readonly number[]]>): Dump => ({
  ...memoryDump({}),
  tensors: new Map([...shapes].map(([name, shape]) => [name, { dtype: 'F32', shape }])),
});

test('every model is told by the shapes of its dump', () => {
  for (const model of MODELS) {
    const R = model.vision.resolution;
    expect(modelsOf(shaped([['image', [1, 3, R, R]], ...moduleShapes(model, 1)])), model.name).toEqual([model.name]);
    expect(
      modelsOf(shaped([...moduleShapes(model, 3)].map(([name, shape]) => [`clip.${name}`, shape]))),
      model.name,
    ).toContain(model.name);
  }
});

test("too few tensors leave it open; none of the models' is none", () => {
  expect(modelsOf(shaped([['visual', [1, 1024]]]))).toEqual(['RN50', 'RN50x64']);
  expect(modelsOf(shaped([['visual', [1, 1000]]]))).toEqual([]);
  expect(modelsOf(shaped([['a', [1]]]))).toEqual([]);
});

test('RN50 and RN101 differ by blocks alone', () => {
  const rn101 = moduleShapes(MODELS.find(({ name }) => name === 'RN101')!);
  expect(modelsOf(shaped([...rn101].filter(([name]) => /layer3\.\d+$/.test(name))))).toEqual(['RN101']);
});

test.each([
  ['RN50', 'RN101', 1],
  ['RN101', 'RN50', 2],
  ['ViT-B/32', 'ViT-B/16', 1],
  ['ViT-B/16', 'RN50', 3],
])('a dump of %s where %s is expected, before any weights are read', (is, expected, N) => {
  const [there, here] = [is, expected].map((name) => MODELS.find((model) => model.name === name)!);
  const shapes: [string, number[]][] = [['image', [N, 3, 224, 224]], ...moduleShapes(there, N)];
  const dump = {
    ...shaped(shapes),
    read: () => ({ shape: [N, 3, 224, 224], data: new Float32Array(N * 150528) }),
  };
  expect(() => examine(dump, { model: { name: here.name, architecture: here } })).toThrow(
    `"dump in memory" is a dump of ${is}, not of ${expected}; compare it with that model (--model ${is})`,
  );
  expect(examine(dump, { model: { name: there.name, architecture: there } }).names.missing).toEqual([]);
});

test('the model is the one that the dump names, else the one that its shapes fit', () => {
  const tiny = MODELS.find(({ name }) => name === 'tiny-vit')!;
  const dump = shaped([['image', [2, 3, 32, 32]], ...moduleShapes(tiny, 2)]);
  const image = syntheticImage(0, 2, 32);
  expect(examine(dump, { image }).model.name).toBe('tiny-vit');
  const visual = shaped([['visual', [1, 1024]]]);
  expect(examine({ ...visual, metadata: { model: 'RN50x64' } }, { image: 'later' }).model.name).toBe('RN50x64');
  const unknown = (dump: Dump): UnknownModelError => {
    try {
      examine(dump, { image: 'later' });
    } catch (error) {
      if (error instanceof UnknownModelError) return error;
    }
    throw new Error('examined');
  };
  expect(unknown(visual).candidates).toEqual(['RN50', 'RN50x64']);
  expect(unknown(visual).message).toBe(
    '"dump in memory" does not say which model it is of and could be of RN50, RN50x64; name it with --model (option ' +
      '"model")',
  );
  expect(unknown(shaped([['visual', [1, 1000]]])).candidates).toEqual([]);
});

test('verify takes an examined dump, and matches nothing anew', async () => {
  const { model } = await load('tiny-vit', { threads: 1 });
  const image = syntheticImage(0, 1, 32);
  const features = await model.encodeImage(image);
  const dump = memoryDump({ image, visual: features });
  const known = examine(dump);
  const later = examine(dump, { model, image: 'later' });
  expect([known.image?.shape, later.image]).toEqual([[1, 3, 32, 32], null]);
  const expected = await verify(model, dump);
  expect(await verify(model, known)).toEqual(expected);
  expect(await verify(model, later, { image })).toEqual(expected);
  // A mapping that leads nowhere: it would be refused if names were matched once more.
  expect(await verify(model, known, { map: { visual: 'nowhere' } })).toEqual(expected);
  await expect(verify(model, later)).rejects.toThrow(
    `verify: "image" expected the pixels that were announced to examine as 'later', got nothing`,
  );
  await expect(verify(model, later, { image: syntheticImage(0, 2, 32) })).rejects.toThrow(
    'verify: "image" expected a batch of 1 as the dump was examined for, got 2',
  );
  const other = examine(shaped([['visual', [1, 1024]]]), {
    model: { name: 'RN50', architecture: MODELS.find(({ name }) => name === 'RN50')! },
    image: 'later',
  });
  await expect(verify(model, other, { image })).rejects.toThrow(
    'verify: "dump" expected one that was examined for tiny-vit, got one for RN50; give examine this model',
  );
  await model.close();
});
