// Every weight file of the tiny models (five layouts of tiny-rn, six of tiny-vit) gives the same features; the
// half-precision archives give those that PyTorch computes from half-precision weights (fixtures/tiny).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { load } from '../../../src/clip/load.ts';
import { expectSameBits } from '../../support/bits.ts';
import { readGolden, relRms } from '../../support/golden.ts';
import { rebuild, skeletons } from '../../support/skeletons.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));
const files = Object.keys(skeletons);

test('there are eleven', () => {
  expect(files.filter((name) => name.startsWith('tiny-rn'))).toHaveLength(5);
  expect(files.filter((name) => name.startsWith('tiny-vit'))).toHaveLength(6);
});

test.each(files)('%s', async (name) => {
  const path = join(folder, name);
  writeFileSync(path, rebuild(name));
  const model = name.split('.')[0];
  const golden = readGolden(`fixtures/tiny/${model}.trace.safetensors`);
  const half = readGolden(`fixtures/tiny/${model}.half-features.safetensors`);
  const image = golden.tensor('input/image');
  const tokens = golden.integers('input/tokens');
  const [file, truth] = [await load(path, { threads: 1 }), await load(path, { threads: 1, precision: 'float64' })];
  expect(file.model.name).toBe(model);
  const expected = name.includes('.jit.') ? half : golden;
  expect(relRms(await truth.model.encodeImage(image), expected.tensor('f64/visual'))).toBeLessThanOrEqual(1e-13);
  expect(relRms(await truth.model.encodeText(tokens), expected.tensor('f64/text_features'))).toBeLessThanOrEqual(1e-13);
  if (expected === golden) {
    const synthetic = await load(model, { weights: 'synthetic:0', threads: 1 });
    expectSameBits(await file.model.encodeImage(image), await synthetic.model.encodeImage(image));
    expectSameBits(await file.model.encodeText(tokens), await synthetic.model.encodeText(tokens));
    await synthetic.model.close();
  }
  await file.model.close();
  await truth.model.close();
});
