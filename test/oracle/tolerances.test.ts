// Tables of tolerances: their numbers against loops of the test's own, their schema, and their use by verify.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { CLIP } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import { VARIANTS } from '../../src/oracle/claims.ts';
import { openDump } from '../../src/formats/dump/open.ts';
import { moduleShapes } from '../../src/oracle/module-shapes.ts';
import { readTolerances, tolerances, type Tolerances } from '../../src/oracle/tolerances.ts';
import { CLAIMS, type Claim } from '../../src/oracle/types.ts';
import { verify } from '../../src/oracle/verify.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { elements, type Floats } from '../support/bits.ts';
import { violations } from '../support/json-schema.ts';

const schema = JSON.parse(readFileSync(new URL('../../schema/tolerances.json', import.meta.url), 'utf8')) as Record<
  string,
  unknown
>;

function relative(x: Floats, truth: Floats): number {
  let [error, size] = [0, 0];
  truth.forEach((t, i) => {
    error += (x[i] - t) ** 2;
    size += t ** 2;
  });
  return Math.sqrt(error / size);
}

let model: CLIP;
let table: Tolerances;
let steps: { done: number; total: number }[];
beforeAll(async () => {
  ({ model } = await load('tiny-vit', { weights: 'synthetic:1', executor: 'simd', threads: 1 }));
  steps = [];
  table = await tolerances(model, {
    images: [1, 2],
    onProgress: (step) => {
      steps.push(step);
    },
  });
});

test('every module in order, every claim, one progress report for each module of each pass', () => {
  expect(table.modules.map(({ name }) => name)).toEqual([...moduleShapes(model.architecture).keys()]);
  for (const { claims } of table.modules) expect(Object.keys(claims)).toEqual(CLAIMS);
  expect(table).toMatchObject({ model: 'tiny-vit', weights: 'synthetic:1', images: [1, 2] });
  const passes =
    2 + CLAIMS.filter((claim) => claim !== 'float32').reduce((sum, claim) => sum + VARIANTS[claim].length, 0);
  expect(steps).toHaveLength(2 * passes * table.modules.length);
  expect(steps.at(-1)).toEqual({ done: steps.length, total: steps.length });
});

test("the numbers are those of loops over the network's tensors", async () => {
  const runs = await Promise.all(
    [1, 2].map(async (seed) => {
      const image = syntheticImage(seed, 1, model.architecture.vision!.resolution);
      const features = async (options: Parameters<CLIP['encodeImage']>[1]): Promise<Floats> =>
        elements(await model.encodeImage(image, options));
      const truth = await features({ precision: 'float64' });
      const own = relative(await features({}), truth);
      const halves = await Promise.all(
        VARIANTS.float16.map(async ({ emulation }) => relative(await features({ emulate: emulation }), truth)),
      );
      return { own, half: Math.max(...halves), rho: Math.max(...halves) / own };
    }),
  );
  const {
    reference,
    claims: { float32, float16 },
  } = table.modules.at(-1)!;
  const own = Math.max(...runs.map((one) => one.own));
  const half = Math.max(...runs.map((one) => one.half));
  expect(reference).toBeCloseTo(own, 12);
  expect(float32).toMatchObject({ earned: reference, relRms: 4 * reference, plausible: 16 * reference, rho: 4 });
  expect(float16!.earned).toBeCloseTo(half, 12);
  expect(float16!.relRms).toBe(2 * float16!.earned);
  expect(float16!.plausible).toBe(4 * float16!.earned);
  expect(float16!.rho / (2 * Math.max(...runs.map((one) => one.rho)))).toBeCloseTo(1, 9);
});

test('a float16 error is a thousandth, a bfloat16 error eight times as large, int8 weights lie near bfloat16', () => {
  for (const { name, claims } of table.modules) {
    const of = (claim: Claim): number => claims[claim]!.earned;
    expect(of('float16') / 2 ** -11, name).toBeGreaterThan(0.2);
    expect(of('float16') / 2 ** -11, name).toBeLessThan(8);
    expect(of('bfloat16') / of('float16'), name).toBeGreaterThan(5);
    expect(of('bfloat16') / of('float16'), name).toBeLessThan(13);
    expect(of('tf32'), name).toBeLessThan(2 * of('float16'));
    expect(claims.bfloat16!.maxAbs, name).toBeGreaterThan(claims.float32!.maxAbs);
  }
});

test('the table in JSON fits schema/tolerances.json, and the schema would see a wrong one', () => {
  const json = JSON.parse(JSON.stringify(table)) as Tolerances & { modules: { claims: Record<string, object> }[] };
  expect(violations(json, schema)).toEqual([]);
  const lacking = { earned: 0, relRms: 0, plausible: 0, maxAbs: 0 };
  const wrong = {
    ...json,
    extra: 1,
    modules: [{ ...json.modules[0], reference: -1, claims: { float16: lacking, float8: {} } }],
  };
  expect(violations(wrong, schema)).toHaveLength(4);
});

describe('verify takes a table instead of emulating', () => {
  test('a float16 backend passes by it, with the limits that it has', async () => {
    const dump = await openDump('fixtures/claims/tiny-vit.1.float16.safetensors');
    const image: Tensor = syntheticImage(1, 1, model.architecture.vision!.resolution);
    const allowed = readTolerances(JSON.stringify(table), 'float16', 'tiny-vit');
    const seen: number[] = [];
    const result = await verify(model, dump, {
      image,
      claim: 'float16',
      tolerances: allowed,
      causes: false,
      onProgress: ({ total }) => {
        seen.push(total);
      },
    });
    expect(result.layers.every(({ verdict }) => verdict === 'pass')).toBe(true);
    expect(seen[0]).toBe(2 * table.modules.length); // no third pass
    for (const { name, limits, relRms, rho } of result.layers)
      expect((limits.pass * relRms) / rho / allowed.get(name)!, name).toBeCloseTo(1, 9);
    await dump.close();
  });

  test('what is no table of this model and claim is refused in a sentence', () => {
    const text = JSON.stringify(table);
    expect(() => readTolerances('{', 'float16', 'tiny-vit')).toThrow('expected a table in JSON');
    expect(() => readTolerances('[]', 'float16', 'tiny-vit')).toThrow('got other JSON');
    expect(() => readTolerances('null', 'float16', 'tiny-vit')).toThrow('got other JSON');
    expect(() => readTolerances(text, 'float16', 'RN50')).toThrow(
      'expected the tolerances of RN50, got those of tiny-vit; make them with clip-oracle tolerances --model RN50',
    );
    const some = JSON.stringify({ ...table, modules: table.modules.map((module) => ({ ...module, claims: {} })) });
    expect(() => readTolerances(some, 'float16', 'tiny-vit')).toThrow(
      'expected tolerances for float16, got none for visual.conv1; make them with --claims float16',
    );
  });
});

test('wrong options are refused, a signal is heard', async () => {
  await expect(tolerances(model, { claims: ['float8' as never] })).rejects.toThrow(
    'tolerances: "claims" expected some of float32, tf32',
  );
  await expect(tolerances(model, { images: [] })).rejects.toThrow('tolerances: "images" expected one seed at least');
  await expect(tolerances(model, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});
