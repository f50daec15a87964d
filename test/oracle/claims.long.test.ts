// Claims: backends made by PyTorch (fixtures/claims) pass under the precision that they keep and fail under float32.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import type { CLIP } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import { VARIANTS } from '../../src/oracle/claims.ts';
import { openDump } from '../../src/formats/dump/open.ts';
import { writeDump } from '../../src/formats/dump/write.ts';
import { allowedRelRms, claimLimits, distance, earned, freePass, MARGIN } from '../../src/oracle/emulated-error.ts';
import { Spill } from '../../src/oracle/spill.ts';
import { CLAIMS, type Claim, type VerifyResult } from '../../src/oracle/types.ts';
import { valuesOf } from '../../src/formats/values.ts';
import { verify, type VerifyOptions } from '../../src/oracle/verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-claims-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KEPT: Claim[] = ['bfloat16', 'float16', 'tf32', 'int8-weights'];

describe.each(['tiny-rn', 'tiny-vit'])('%s', (name) => {
  let model: CLIP;
  beforeAll(async () => {
    ({ model } = await load(name, { weights: 'synthetic:1', executor: 'simd', threads: 1 }));
  });
  afterAll(() => model.close());

  async function judge(path: string, claim: Claim, options: VerifyOptions = {}): Promise<VerifyResult> {
    const dump = await openDump(path);
    const image = syntheticImage(1, 1, model.architecture.vision!.resolution);
    try {
      return await verify(model, dump, { image, claim, causes: false, ...options });
    } finally {
      await dump.close();
    }
  }
  const fixture = (precision: string): string => `fixtures/claims/${name}.1.${precision}.safetensors`;

  test.each(KEPT)('%s passes under its claim, on every layer, and fails under float32', async (claim) => {
    const own = await judge(fixture(claim), claim);
    expect(own.verdict).toBe('pass');
    expect(own.layers.length).toBeGreaterThanOrEqual(8);
    for (const layer of own.layers)
      expect(layer.verdict, `${layer.name}: rho ${layer.rho}, limit ${layer.limits.pass}`).toBe('pass');
    const asFloat32 = await judge(fixture(claim), 'float32');
    expect(asFloat32.verdict).toBe('fail');
    expect(asFloat32.firstWrong).toBe('visual.conv1');
  });

  test('float16 does not pass as tf32 by far, nor bfloat16 as float16, nor int8 weights as float16', async () => {
    for (const [precision, claim] of [
      ['bfloat16', 'float16'],
      ['bfloat16', 'tf32'],
      ['int8-weights', 'float16'],
      ['int8-weights', 'tf32'],
    ] as const) {
      expect((await judge(fixture(precision), claim)).firstWrong, `${precision} as ${claim}`).toBe('visual.conv1');
    }
  });

  test('running sums in float16 are seen under the claim of float16', async () => {
    const result = await judge(fixture('float16-accumulation'), 'float16');
    expect(result.layers.filter(({ verdict }) => verdict !== 'pass').length).toBeGreaterThan(0);
    if (name === 'tiny-vit') expect(result.firstWrong).toBe('visual.conv1');
  });

  test('teacher-forced, a layer is held to what it earns itself', async () => {
    const result = await judge(fixture('float16'), 'float16', { teacherForced: true });
    for (const layer of result.layers) expect(layer.verdict, layer.name).toBe('pass');
  });

  test('a right float32 backend passes under every claim', async () => {
    const path = join(folder, `${name}.safetensors`);
    const writer = await writeDump(path);
    const image = syntheticImage(1, 1, model.architecture.vision!.resolution);
    await model.encodeImage(image, {
      tap: (module, output) => {
        writer.add(module, valuesOf(output));
      },
    });
    await writer.finish({});
    for (const claim of CLAIMS)
      expect(
        (await judge(path, claim)).layers.every(({ verdict }) => verdict === 'pass'),
        claim,
      ).toBe(true);
  });

  test('a layer scaled by a hundredth fails under float16', async () => {
    const path = join(folder, `${name}.scaled.safetensors`);
    const writer = await writeDump(path);
    const image = syntheticImage(1, 1, model.architecture.vision!.resolution);
    await model.encodeImage(image, {
      emulate: VARIANTS.float16[0].emulation,
      tap: (module, output) => {
        const { shape, data } = valuesOf(output);
        writer.add(module, { shape, data: module === 'visual' ? Float32Array.from(data, (x) => 1.01 * x) : data });
      },
    });
    await writer.finish({});
    expect((await judge(path, 'float16')).firstWrong).toBe('visual');
  });

  test('other orders of summation earn a right float32 backend no more than its limits', async () => {
    const image = syntheticImage(2, 1, model.architecture.vision!.resolution);
    const truth = new Spill();
    const noise = new Map<string, number>();
    await model.encodeImage(image, {
      precision: 'float64',
      tap: (module, output) => {
        truth.add(module, valuesOf(output));
      },
    });
    await freePass(model, image)(undefined, (module, values) => {
      noise.set(module, distance(values.data, truth.read(module).data).relRms);
    });
    const orders = await earned('float32', freePass(model, image), truth);
    for (const [module, distances] of orders) {
      expect(distances).toHaveLength(VARIANTS.float32.length);
      // One running sum is the order that is no longer sane for long sums; the blocks are as good as it gets.
      const [blocks, running] = [distances.slice(0, -1), distances.slice(-1)].map(
        (some) => Math.max(...some.map(({ relRms }) => relRms)) / noise.get(module)!,
      );
      expect(blocks, module).toBeLessThan(4);
      expect(running, module).toBeLessThan(16);
    }
    truth.close();
  });
});

describe('limits', () => {
  test('what is allowed is twice the largest that was earned', () => {
    expect(MARGIN).toEqual({ pass: 2, plausible: 4 });
    expect(
      allowedRelRms([
        { relRms: 1e-3, maxAbs: 1 },
        { relRms: 3e-3, maxAbs: 1 },
      ]),
    ).toBe(6e-3);
    expect(allowedRelRms([])).toBe(0);
  });

  test('they are told in rho, and are at least those of float32', () => {
    const measures = { rho: 100, relRms: 1e-5, referenceRelRms: 1e-7 };
    const { pass, plausible } = claimLimits(6e-3, measures);
    expect(pass).toBeCloseTo(60_000, 6);
    expect(plausible).toBeCloseTo(120_000, 6);
    expect(claimLimits(0, measures)).toEqual({ pass: 4, plausible: 16 });
    expect(claimLimits(6e-3, { rho: Infinity, relRms: Infinity, referenceRelRms: 1e-7 }).pass).toBeCloseTo(60_000, 6);
    expect(claimLimits(6e-3, { rho: 0, relRms: 0, referenceRelRms: 0 })).toEqual({ pass: 4, plausible: 16 });
  });

  test('a distance leaves out what is not finite', () => {
    expect(distance(Float32Array.of(1, Infinity, 3), Float32Array.of(1, 2, 4))).toEqual({
      relRms: Math.sqrt(1 / 17),
      maxAbs: 1,
    });
    expect(distance(Float32Array.of(0), Float32Array.of(0))).toEqual({ relRms: 0, maxAbs: 0 });
    expect(() => distance(Float32Array.of(0), Float32Array.of(0, 1))).toThrow(
      'distance: expected two tensors of one size',
    );
  });
});
