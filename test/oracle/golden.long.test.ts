// Golden packs: against PyTorch's trace, the C program's bits and a second implementation of the sampling; and what
// checking a dump with them says.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { load } from '../../src/clip/load.ts';
import { VARIANTS } from '../../src/oracle/claims.ts';
import { openDump } from '../../src/formats/dump/open.ts';
import { checkGoldenPack } from '../../src/oracle/golden/check.ts';
import { makeGoldenPack } from '../../src/oracle/golden/make.ts';
import { readPack, samplePlaces, type GoldenPack } from '../../src/oracle/golden/pack.ts';
import type { Claim } from '../../src/oracle/types.ts';
import type { Dump } from '../../src/formats/dump/dump.ts';
import { valuesOf, type Values } from '../../src/formats/values.ts';
import { failure, temporaryFolder } from '../support/checkpoints.ts';
import { flat, readGolden } from '../support/golden.ts';

const temporary = temporaryFolder();
const folderOf = (name: string): string => join(temporary.path, name);
const CLAIMED: Claim[] = ['float32', 'float16', 'bfloat16'];
const packs: Record<string, GoldenPack> = {};
beforeAll(async () => {
  for (const model of ['tiny-rn', 'tiny-vit'])
    packs[model] = await makeGoldenPack(folderOf(model), { model, claims: CLAIMED, threads: 1 });
});

/** The sampling as the pack's README has it, in 64-bit integers. */
function places(n: number): number[] {
  if (n <= 32) return Array.from({ length: n }, (_, k) => k);
  return Array.from({ length: 32 }, (_, k) =>
    Number((((BigInt(k) * 2654435761n) % 4294967296n) * BigInt(n)) / 4294967296n),
  );
}

test('sampled places are spread over the whole tensor', () => {
  fc.assert(
    fc.property(fc.integer({ min: 33, max: 1 << 26 }), (n) => {
      const at = samplePlaces(n, 32);
      expect(at).toEqual(places(n));
      const thirds = [0, 1, 2].map((third) => at.filter((place) => Math.floor((3 * place) / n) === third).length);
      expect(at.every((place) => place >= 0 && place < n)).toBe(true);
      expect(Math.min(...thirds)).toBeGreaterThanOrEqual(9);
    }),
  );
  expect(samplePlaces(5, 32)).toEqual([0, 1, 2, 3, 4]);
});

describe.each(['tiny-rn', 'tiny-vit'])('the pack of %s', (model) => {
  const golden = readGolden(`fixtures/tiny/${model}.trace.safetensors`);
  /** PyTorch's truth of the first of its two images, which is the pack's. */
  const truth = (name: string, shape: readonly number[]): { data: number[]; norm: number } => {
    const both = golden.tensor(`f64/${name}`);
    const axis = both.shape.findIndex((extent, a) => extent !== shape[a]);
    const data = flat(both.hi(...both.shape.map((extent, a) => (a === axis ? 1 : extent))));
    return { data, norm: Math.sqrt(data.reduce((sum, value) => sum + value * value, 0)) };
  };

  test("holds PyTorch's truth of every module: norms and samples", async () => {
    const pack = await readPack(folderOf(model));
    expect(pack).toEqual(packs[model]);
    expect(pack.modules.map(({ name }) => name).sort()).toEqual(
      golden.names
        .filter((name) => name.startsWith('f64/visual'))
        .map((name) => name.slice(4))
        .sort(),
    );
    const samples = await openDump(join(folderOf(model), 'samples.safetensors'));
    for (const { name, shape, norm } of pack.modules) {
      const right = truth(name, shape);
      expect(Math.abs(norm / right.norm - 1), name).toBeLessThan(1e-12);
      const { data } = samples.read(name);
      expect(data, name).toBeInstanceOf(Float64Array);
      const wanted = (name === 'visual' ? right.data.map((_, i) => i) : places(right.data.length)).map(
        (place) => right.data[place],
      );
      expect(data.length, name).toBe(wanted.length);
      wanted.forEach((value, k) =>
        expect(Math.abs(data[k] - value), `${name} ${k}`).toBeLessThan(1e-11 * Math.max(1, Math.abs(value))),
      );
    }
    expect([...samples.read('image').data]).toEqual(
      flat(golden.tensor('input/image').hi(1, 3, pack.image.shape[2], pack.image.shape[2])),
    );
    await samples.close();
  });

  test('has the hashes that trace --hash prints', async () => {
    const pack = packs[model];
    const lines = [
      ['image', pack.image.sha256] as const,
      ...pack.modules.map(({ name, sha256 }) => [name, sha256] as const),
    ].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(pack.allSha256).toBe(
      createHash('sha256')
        .update(lines.map(([name, hash]) => `${hash}  ${name}\n`).join(''))
        .digest('hex'),
    );
    expect(pack.image.sha256).toBe(
      createHash('sha256')
        .update(
          Buffer.from(
            Float32Array.from(flat(golden.tensor('input/image').hi(1, 3, pack.image.shape[2], pack.image.shape[2])))
              .buffer,
          ),
        )
        .digest('hex'),
    );
    if (model === 'tiny-rn') {
      // the C program's bits of the first image
      const { data } = readGolden('fixtures/features/contract-bits-0.safetensors').bytes('tiny-rn');
      expect(pack.modules.at(-1)!.sha256).toBe(createHash('sha256').update(data.subarray(0, 128)).digest('hex'));
    }
  });

  test('is small, says how to use it, and is the same when made again', async () => {
    const before = ['pack.json', 'samples.safetensors', 'README.md'].map((file) =>
      readFileSync(join(folderOf(model), file)),
    );
    expect(before.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(200_000);
    expect(before[2].toString()).toContain(`clip-oracle golden --model ${model} --seed 0`);
    await makeGoldenPack(folderOf(model), { model, claims: CLAIMED, threads: 2 });
    ['pack.json', 'samples.safetensors', 'README.md'].forEach((file, i) =>
      expect(readFileSync(join(folderOf(model), file)).equals(before[i]), file).toBe(true),
    );
  });

  test(
    "the contract's own trace is equal to the bit; the truth and each precision's emulations pass under their " +
      'claim',
    async () => {
      const { model: clip } = await load(model, { weights: 'synthetic:0', threads: 1 });
      const image = syntheticImage(0, 1, clip.architecture.vision!.resolution);
      const dumpOf = async (how: Parameters<typeof clip.encodeImage>[1]): Promise<Dump> => {
        const tensors = new Map<string, Values>([['image', valuesOf(image)]]);
        await clip.encodeImage(image, { ...how, tap: (name, output) => void tensors.set(name, valuesOf(output)) });
        return memoryDump(tensors);
      };
      const own = await checkGoldenPack(await dumpOf({}), folderOf(model));
      expect(own.verdict).toBe('pass');
      expect(own.layers.every(({ verdict, equal }) => verdict === 'equal' && equal)).toBe(true);
      const truthful = await checkGoldenPack(await dumpOf({ precision: 'float64' }), folderOf(model));
      expect(truthful.verdict).toBe('pass');
      expect(Math.max(...truthful.layers.map(({ relRms }) => relRms))).toBe(0);
      for (const claim of ['float16', 'bfloat16'] as const) {
        for (const { name, emulation } of VARIANTS[claim]) {
          const dump = await dumpOf({ emulate: emulation });
          expect((await checkGoldenPack(dump, folderOf(model), { claim })).firstWrong, `${claim}, ${name}`).toBe(null);
          expect((await checkGoldenPack(dump, folderOf(model))).verdict, `${claim} as float32, ${name}`).toBe('fail');
        }
      }
      await clip.close();
    },
  );

  test('a planted fault is found in the layer where it is', async () => {
    const { model: clip } = await load(model, { weights: 'synthetic:0', threads: 1 });
    const image = syntheticImage(0, 1, clip.architecture.vision!.resolution);
    const faulty = packs[model].modules[10].name;
    const tensors = new Map<string, Values>();
    await clip.encodeImage(image, {
      tap: (name, output) => {
        const values = valuesOf(output);
        tensors.set(name, {
          shape: values.shape,
          data: name === faulty ? values.data.map((value) => value * 1.00001) : values.data.slice(),
        });
      },
    });
    await clip.close();
    const result = await checkGoldenPack(memoryDump(tensors), folderOf(model));
    expect([result.verdict, result.firstWrong]).toEqual(['fail', faulty]);
    expect(result.layers.filter(({ verdict }) => verdict === 'wrong')).toHaveLength(1);
  });
});

/** A dump that never was a file. */
function memoryDump(tensors: ReadonlyMap<string, Values>): Dump {
  return {
    path: 'memory',
    format: 'memory',
    metadata: {},
    tensors: new Map(
      [...tensors].map(([name, { shape, data }]) => [
        name,
        { dtype: data instanceof Float32Array ? 'F32' : 'F64', shape },
      ]),
    ),
    read: (name) => tensors.get(name)!,
    close: () => Promise.resolve(),
  };
}

describe('checking', () => {
  const values = async (name: string): Promise<Values> => {
    const dump = await openDump(join(folderOf('tiny-rn'), 'samples.safetensors'));
    const found = dump.read(name);
    await dump.close();
    return found;
  };

  test('some layers are enough, whatever their names, layout and element type', async () => {
    const features = await values('float32/visual');
    const dump = memoryDump(new Map([['model.image_features', { shape: [32], data: features.data }]]));
    const result = await checkGoldenPack(dump, folderOf('tiny-rn'));
    expect(result).toMatchObject({ verdict: 'pass', firstWrong: null, model: 'tiny-rn', claim: 'float32' });
    expect(result.layers).toMatchObject([{ name: 'visual', verdict: 'equal' }]);
    expect(result.missing).toHaveLength(packs['tiny-rn'].modules.length - 1);
    const mapped = await checkGoldenPack(
      memoryDump(new Map([['out', { shape: [1, 32], data: Float64Array.from(features.data) }]])),
      folderOf('tiny-rn'),
      { map: { out: 'visual' } },
    );
    expect(mapped.layers).toMatchObject([{ name: 'visual', equal: false, verdict: 'pass' }]);
  });

  test('another input, other shapes, nothing in common, a claim that the pack has not', async () => {
    const features = await values('float32/visual');
    const check = (tensors: [string, Values][], claim?: Claim): Promise<unknown> =>
      checkGoldenPack(memoryDump(new Map(tensors)), folderOf('tiny-rn'), { claim });
    const image = { shape: [1, 3, 64, 64], data: new Float32Array(3 * 64 * 64) };
    expect(
      await failure(
        check([
          ['image', image],
          ['visual', features],
        ]),
      ),
    ).toMatch(/its input "image" is not the pack's \(SHA-256 [0-9a-f]{12}…, shape 1 x 3 x 64 x 64\)/);
    expect(await failure(check([['visual', { shape: [1, 31], data: new Float32Array(31) }]]))).toMatch(
      /"visual" expected shape \(1, 32\) for visual of tiny-rn, .* got \(1, 31\)/,
    );
    expect(await failure(check([['foo', features]]))).toMatch(
      /expected outputs of modules such as visual\.conv1 or visual, got foo/,
    );
    expect(await failure(check([['visual', features]], 'tf32'))).toMatch(
      /no tolerances for tf32, it has those for float32, float16, bfloat16; make it with --claims tf32/,
    );
  });

  test('NaN is wrong', async () => {
    const result = await checkGoldenPack(
      memoryDump(new Map([['visual', { shape: [1, 32], data: new Float32Array(32).fill(NaN) }]])),
      folderOf('tiny-rn'),
      { claim: 'bfloat16' },
    );
    expect(result.firstWrong).toBe('visual');
  });

  test('what is no pack', async () => {
    const none = folderOf('none');
    expect(await failure(readPack(none))).toMatch(/does not exist/);
    mkdirSync(none);
    writeFileSync(join(none, 'pack.json'), '{');
    expect(await failure(readPack(none))).toMatch(/is not valid JSON/);
    writeFileSync(join(none, 'pack.json'), '{"kind":"clip-oracle golden pack"}');
    expect(await failure(readPack(none))).toMatch(/expected a golden pack as `clip-oracle golden` writes it/);
  });
});

describe('making', () => {
  test('a folder with something else, a file, a wrong seed, a wrong model', async () => {
    const home = folderOf('home');
    mkdirSync(home);
    writeFileSync(join(home, 'thesis.txt'), 'x');
    expect(await failure(makeGoldenPack(home, { model: 'tiny-rn' }))).toMatch(
      /holds "thesis\.txt", which is not part of a golden pack/,
    );
    expect(await failure(makeGoldenPack(join(home, 'thesis.txt'), { model: 'tiny-rn' }))).toMatch(
      /expected a folder, got a file/,
    );
    expect(await failure(makeGoldenPack(folderOf('x'), { model: 'tiny-rn', seed: 1.5 }))).toMatch(
      /"seed" expected a whole number from 0 to 4294967295, got 1\.5/,
    );
    expect(await failure(makeGoldenPack(folderOf('x'), { model: 'huge-rn' }))).toMatch(/unknown model huge-rn/);
  });

  test('another seed gives another pack', async () => {
    const steps: { done: number; total: number }[] = [];
    const pack = await makeGoldenPack(folderOf('seed1'), {
      model: 'tiny-rn',
      seed: 1,
      claims: [],
      threads: 1,
      onProgress: (step) => {
        steps.push(step);
      },
    });
    // The truth and float32, each computed once, and told about.
    expect(steps).toHaveLength(2 * pack.modules.length);
    expect(steps.at(-1)).toEqual({ done: steps.length, total: steps.length });
    expect(pack.weights).toBe('synthetic:1');
    expect(pack.modules.every(({ sha256 }, i) => sha256 !== packs['tiny-rn'].modules[i].sha256)).toBe(true);
    copyFileSync(join(folderOf('tiny-rn'), 'samples.safetensors'), folderOf('copy.safetensors'));
    const dump = await openDump(folderOf('copy.safetensors'));
    expect(await failure(checkGoldenPack(dump, folderOf('seed1')))).toMatch(/its input "image" is not the pack's/);
    await dump.close();
  });
});
