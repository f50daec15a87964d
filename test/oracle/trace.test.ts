// Traces against PyTorch's, hashes against Python's hashlib, fingerprints against a script that reads PyTorch's own
// state dict.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src/clip/weights/open.ts';
import { load } from '../../src/clip/load.ts';
import { MODELS } from '../../src/clip/models.ts';
import { fingerprint, weightsFingerprint } from '../../src/oracle/fingerprint.ts';
import { moduleFilter } from '../../src/oracle/glob.ts';
import { hashValues, TraceHashes } from '../../src/oracle/hash.ts';
import { moduleShapes } from '../../src/oracle/module-shapes.ts';
import { trace, tracedModules } from '../../src/oracle/trace.ts';
import { tensorOf, type Values } from '../../src/formats/values.ts';
import { rebuild } from '../support/skeletons.ts';
import { temporaryFolder } from '../support/checkpoints.ts';
import { flat, readGolden, relRms } from '../support/golden.ts';

const TRUTH = 1e-13; // relRMS of a module's output in float64 mode
const temporary = temporaryFolder();

describe.each(['tiny-rn', 'tiny-vit'])('a trace of %s', (name) => {
  const golden = readGolden(`fixtures/tiny/${name}.trace.safetensors`);
  const image = golden.tensor('input/image');
  const models = Promise.all([load(name, { threads: 1 }), load(name, { executor: 'reference' })]);
  afterAll(async () => {
    for (const { model } of await models) await model.close();
  });

  test('has every module that PyTorch has, with its shape and numbers, and the features last', async () => {
    const [, { model }] = await models;
    const seen: string[] = [];
    const features = await trace(model, image, {
      precision: 'float64',
      onTensor(module, values) {
        seen.push(module);
        expect(values.data, module).toBeInstanceOf(Float64Array);
        const truth = golden.tensor(`f64/${module}`);
        expect(values.shape, module).toEqual(truth.shape);
        expect(relRms(tensorOf(values), truth), module).toBeLessThanOrEqual(TRUTH);
      },
    });
    expect([...seen].sort()).toEqual(
      golden.names
        .filter((key) => key.startsWith('f64/visual'))
        .map((key) => key.slice(4))
        .sort(),
    );
    expect(seen.at(-1)).toBe('visual');
    expect(seen).toEqual([...moduleShapes(model.architecture, 2).keys()]);
    expect(relRms(tensorOf(features), golden.tensor('f64/visual'))).toBeLessThanOrEqual(TRUTH);
  });

  test('has the same hashes on both paths, alone or in a batch, all layers or some', async () => {
    const [simd, plain] = await models;
    const hashes = async ({ model }: typeof simd, layers?: string): Promise<Map<string, string>> => {
      const all = new Map<string, string>();
      await trace(model, image, { layers, onTensor: (module, values) => void all.set(module, hashValues(values)) });
      return all;
    };
    const all = await hashes(simd);
    expect(await hashes(plain)).toEqual(all);
    const layers = name === 'tiny-rn' ? '**.bn?,visual' : '**.resblocks.1.**';
    const some = await hashes(simd, layers);
    expect([...some.keys()]).toEqual(
      [...all.keys()].filter((module) => (name === 'tiny-rn' ? /\.bn.$|^visual$/ : /\.resblocks\.1\./).test(module)),
    );
    for (const [module, hash] of some) expect(all.get(module)).toBe(hash);
  });

  test('what onTensor throws ends it, and a signal does', async () => {
    for (const { model } of await models) {
      await expect(
        trace(model, image, {
          onTensor: () => {
            throw new Error('enough');
          },
        }),
      ).rejects.toThrow('enough');
      await expect(
        trace(model, image, { signal: AbortSignal.abort(new Error('stop')), onTensor: () => undefined }),
      ).rejects.toThrow('stop');
      await expect(trace(model, image, { layers: 'visual.conv9', onTensor: () => undefined })).rejects.toThrow(
        /fits a module of tiny-.* got "visual\.conv9", which fits none/,
      );
      expect(flat(await model.encodeImage(image)).every(Number.isFinite)).toBe(true); // and the model is none the worse
    }
  });
});

test('module names of all architectures end with the features, and each is there once', () => {
  for (const model of MODELS) {
    const names = tracedModules({ name: model.name, architecture: model });
    expect(names.at(-1)).toBe('visual');
    expect(new Set(names).size).toBe(names.length);
    expect(moduleShapes(model, 3).get('visual')).toEqual([3, model.embed]);
  }
});

describe('patterns of module paths', () => {
  test.each([
    ['**', 'visual.layer1.0.conv1', true],
    ['visual', 'visual', true],
    ['visual', 'visual.conv1', false],
    ['visual.*', 'visual.conv1', true],
    ['visual.*', 'visual.layer1.0', false],
    ['visual.*', 'visual', false],
    ['visual.layer1.*.conv?', 'visual.layer1.0.conv3', true],
    ['visual.layer1.*.conv?', 'visual.layer1.0.conv10', false],
    ['**.attn', 'visual.transformer.resblocks.3.attn', true],
    ['**.attn', 'visual.attnpool', false],
    ['**conv1', 'visual.layer1.0.conv1', true],
    ['visual.layer?.**', 'visual.layer2.0.bn1', true],
    ['visual.conv1,visual.bn1', 'visual.bn1', true],
    [' visual.conv1 , visual', 'visual', true],
    ['a.b', 'axb', false],
    ['(a|b)', 'a', false],
  ])('%s on %s: %s', (glob, name, fits) => expect(moduleFilter(glob)(name)).toBe(fits));

  test.each(['', 'a,,b', ','])('%j is refused', (glob) =>
    expect(() => moduleFilter(glob)).toThrow(/expected patterns of module paths .* leave it out for all layers/),
  );

  test('a pattern fits what a matcher that tries everything says', () => {
    // The definition, letter by letter.
    const fits = (glob: string, name: string): boolean => {
      if (glob === '') return name === '';
      if (glob.startsWith('**')) return fits(glob.slice(2), name) || (name !== '' && fits(glob, name.slice(1)));
      if (glob.startsWith('*'))
        return fits(glob.slice(1), name) || (name !== '' && name[0] !== '.' && fits(glob, name.slice(1)));
      return (
        name !== '' && (glob[0] === '?' ? name[0] !== '.' : glob[0] === name[0]) && fits(glob.slice(1), name.slice(1))
      );
    };
    const globs = fc
      .array(fc.constantFrom('a', 'b', '.', '*', '?', '**'), { minLength: 1, maxLength: 8 })
      .map((parts) => parts.join(''))
      .filter((glob) => !glob.includes('***'));
    const names = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(globs, names, (glob, name) => moduleFilter(glob)(name) === fits(glob, name)),
      { numRuns: 2000 },
    );
  });
});

describe('hashes', () => {
  const float32 = (...values: number[]): Values => ({ shape: [values.length], data: new Float32Array(values) });
  const float64 = (...values: number[]): Values => ({ shape: [values.length], data: new Float64Array(values) });

  test('are those of the little-endian bytes, as Python has them', () => {
    expect(hashValues(float32(1, 2, -0))).toBe('8955be1cee273c31d71bda964db521d1e771bf65c15a6c5088d4291f737a9f6a');
    expect(hashValues(float64(1, 2, -0))).toBe('41b7b0a726ae1de2bc829c91752ba3a12e41a03ce0b4f962b537ee383dad30df');
  });

  test('have one NaN: 7fc00000, 7ff8000000000000', () => {
    for (const bits of [0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff]) {
      const values = { shape: [2], data: new Float32Array(Uint32Array.of(0x3f800000, bits).buffer) };
      expect(hashValues(values)).toBe('c5a9838fc5dcd30b553f91b142049c4fd057c83c043c7534ef12c4bc9439041d');
      expect(new Uint32Array(values.data.buffer)[1]).toBe(bits); // the caller's numbers stay as they are
    }
    for (const bits of [0x7ff8000000000000n, 0xfff0000000000001n, 0xffffffffffffffffn]) {
      expect(hashValues({ data: new Float64Array(BigUint64Array.of(0x3ff0000000000000n, bits).buffer) })).toBe(
        'b60535a407b309203bf04892c59e8483f636fc70f4685d5ca6815c0e2ed693b9',
      );
    }
  });

  test("of all are over the lines in ascending order of the names' bytes, whatever the order they came in", () => {
    const tensors: [string, Values][] = [
      ['zeta', float32(1, 2)],
      ['alpha', float32(3)],
      ['Beta', float32()],
      ['ähre', float32(4)],
    ];
    for (const list of [tensors, [...tensors].reverse()]) {
      const hashes = new TraceHashes();
      for (const [name, values] of list) hashes.add(name, values);
      expect(hashes.all()).toBe('1992259452e4c2f19c61692533c0501e41054e655a7c36782e8268c7c5ca9407');
      expect([...hashes.tensors.keys()]).toEqual(list.map(([name]) => name));
      expect(() => hashes.add('zeta', float32(1))).toThrow(/"zeta" was added before/);
    }
  });

  test('differ when any bit of a number does, -0 and +0 included', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, noNaN: true }), fc.nat(), fc.nat(31), (data, at, bit) => {
        const other = data.slice();
        new Uint32Array(other.buffer)[at % data.length] ^= 1 << bit;
        return hashValues({ data }) !== hashValues({ data: other });
      }),
    );
  });

  test('of the features are those of the bits that the independent C program computed', async () => {
    const { shape, data } = readGolden('fixtures/features/contract-bits-0.safetensors').bytes('tiny-rn');
    const { model } = await load('tiny-rn', { threads: 1 });
    const { syntheticImage } = await import('../../src/clip/weights/synthetic.ts');
    const features = await trace(model, syntheticImage(0, 2, 64), { onTensor: () => undefined });
    await model.close();
    expect(features.shape).toEqual(shape);
    expect(hashValues(features)).toBe(createHash('sha256').update(data).digest('hex'));
  });
});

describe("the weights' fingerprint", () => {
  // fixtures/dumps/fingerprints.py
  const TINY_RN = '52732affb897b265dfb26b67f15c2e8691f39d559891ea7ac4d892bcb310efbb';
  const TINY_VIT = 'ebd9558104fb6339b6cee00b9f3719e0a166200b54ac97e40af41c7365ccb277';

  test("is Python's", async () => {
    expect(await weightsFingerprint('tiny-rn')).toBe(TINY_RN);
    expect(await weightsFingerprint('tiny-vit', 'synthetic:0')).toBe(TINY_VIT);
  });

  test('does not depend on file, layout or format', async () => {
    for (const name of ['tiny-vit.safetensors', 'tiny-vit.hf.safetensors', 'tiny-vit.state_dict.pt']) {
      const checkpoint = await openCheckpoint(temporary.write(name, rebuild(name)));
      expect(await fingerprint(checkpoint), name).toBe(TINY_VIT);
      await checkpoint.close();
    }
  });

  test('does depend on the weights', async () => {
    expect(await weightsFingerprint('tiny-vit', 'synthetic:1')).not.toBe(TINY_VIT);
  });

  test('a name that is none', async () => {
    await expect(weightsFingerprint('tiny-vitt')).rejects.toThrow(/unknown model tiny-vitt/);
  });
});
