// What the conformance program computes, judged from outside: hashes of functions that other code found on 22 engines,
// dot products by loops of this file, node:crypto's SHA-256, golden features of a C program; and planted faults that
// must change a hash.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { judge, type Pins } from '../../../tools/conformance/pinned.ts';
import { parseArguments } from '../../../tools/conformance/program/arguments.ts';
import { Subject, type ArtefactName } from '../../../tools/conformance/program/artefact.ts';
import { dots } from '../../../tools/conformance/program/dots.ts';
import { Fold, hashNumbers, type Folded } from '../../../tools/conformance/program/hash.ts';
import { runProgram } from '../../../tools/conformance/program/run.ts';
import { bySimd, plainly, sweep, type FunctionName } from '../../../tools/conformance/program/sweeps.ts';
import { createExecutor } from '../../../src/executors/create.ts';
import type { Executor } from '../../../src/executors/executor.ts';
import { ReferenceExecutor } from '../../../src/executors/reference.ts';
import type { Operations } from '../../../src/ops/operations.ts';
import { reference } from '../../../src/ops/reference.ts';
import { reversed } from '../../../src/formats/little-endian.ts';
import { elements, float32FromBits } from '../../support/bits.ts';
import { readGolden } from '../../support/golden.ts';

const pins = JSON.parse(
  readFileSync(new URL('../../../fixtures/conformance/hashes.json', import.meta.url), 'utf8'),
) as Pins;

describe('hashes', () => {
  const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

  test('every NaN is one, -0 is not +0, in both precisions', () => {
    const words = (...bits: number[]): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);
    const bytes32 = Uint8Array.from([0, 0, 0xc0, 0x7f, 0, 0, 0, 0x80, 0, 0, 0x80, 0x3f]);
    for (const bits of [0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff])
      expect(hashNumbers(words(bits, 0x80000000, 0x3f800000))).toBe(sha256(bytes32));
    const doubles = new Float64Array(Uint32Array.from([1, 0xfff00000, 0, 0x80000000]).buffer);
    expect(hashNumbers(doubles)).toBe(
      sha256(Uint8Array.from([0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0x80])),
    );
    expect(hashNumbers(words(0))).not.toBe(hashNumbers(words(0x80000000)));
  });

  test('a fold is the SHA-256 of its lines, in their order', () => {
    const fold = new Fold();
    fold.add('b', [2, 1], Float32Array.of(1, 2));
    fold.add('a', [], Float64Array.of(3));
    const [b, a] = [
      sha256(new Uint8Array(Float32Array.of(1, 2).buffer)),
      sha256(new Uint8Array(Float64Array.of(3).buffer)),
    ];
    expect(fold.done()).toEqual({
      hash: sha256(`b (2, 1) ${b}\na () ${a}\n`),
      parts: { b: b.slice(0, 6), a: a.slice(0, 6) },
    });
    expect(() => fold.add('a', [1], Float32Array.of(1))).toThrow('"a" was added before');
  });

  test('on a big-endian processor the bytes of each number are turned round', () => {
    expect([...reversed(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4)]).toEqual([4, 3, 2, 1, 8, 7, 6, 5]);
    expect([...reversed(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 8)]).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  });
});

describe('sweeps of every 4099th pattern', () => {
  // FNV-1a over all results, by a study with code of its own: the same on 22 combinations of engine and processor. It
  // had no hash of the other two.
  const known: [FunctionName, string | null][] = [
    ['exp', '1b09dde4'],
    ['sigmoid', 'a4a06ccb'],
    ['erf', 'e9759cd5'],
    ['quickGelu', null],
    ['gelu', null],
  ];
  const simd = bySimd();
  test.each(known)('%s by plain loops and by SIMD has the known hash, and the pinned one', (name, fnv) => {
    const [plain, fast] = [sweep(plainly(name), 4099), sweep(simd(name), 4099)];
    expect(fast).toEqual(plain);
    expect(plain.hash).toBe(pins[`sweep ${name} 4099`].hash);
    if (fnv !== null) expect(plain.fnv).toBe(fnv);
  });

  test('one wrong result changes the hash and names its range', () => {
    const right = plainly('quickGelu');
    const one =
      (hit: number) =>
      (x: Float32Array): Float32Array => {
        const y = right(x);
        const at = new Uint32Array(x.buffer).indexOf(hit);
        if (at >= 0) y[at] += y[at] / 8388608;
        return y;
      };
    const step = 4099 * 5;
    const [good, bad] = [sweep(right, step), sweep(one(step * 50_000), step)];
    expect(good.hash).not.toBe(bad.hash);
    expect(Object.keys(bad.parts)).toEqual(['00000000-ffffc6f7']);
    expect(Math.floor(0xffffffff / step) * step).toBe(0xffffc6f7);
    expect(bad.parts).not.toEqual(good.parts);
  });
});

describe('dot products', () => {
  const byKind = (executor: Executor) => dots(executor);

  test('their results are what they are to show: subnormal, infinite, NaN, of both signs of zero', async () => {
    const answers = await byKind(createExecutor({ executor: 'reference' }));
    const count = (kind: string, test: (y: number) => boolean): number =>
      [...elements(answers.get(kind)!)].filter(test).length;
    const isSubnormal = (y: number): boolean => y !== 0 && Math.abs(y) < 1.1754943508222875e-38;
    expect(count('subnormal results', isSubnormal)).toBeGreaterThan(200);
    expect(count('subnormal operands', (y) => y !== 0)).toBe(256);
    for (const isIt of [(y: number) => y === Infinity, (y: number) => y === -Infinity, Number.isFinite])
      expect(count('overflow', isIt)).toBeGreaterThan(20);
    expect(count('Infinity', (y) => Math.abs(y) === Infinity)).toBe(256);
    expect(count('NaN', Number.isNaN)).toBe(256);
    expect(count('signed zeros', (y) => y === 0)).toBe(256);
    expect(count('ordinary', Number.isFinite)).toBe(256);
    expect(count('wide', Number.isFinite)).toBe(256);
  });

  // The contract's text, item 2, by a loop of its own.
  const contract =
    (round: (x: number) => number) =>
    (a: number[], b: number[]): number => {
      let acc = 0;
      for (let start = 0; start < a.length; start += 128) {
        let s = 0;
        for (let k = start; k < Math.min(start + 128, a.length); k++) s = round(s + round(a[k] * b[k]));
        acc = round(acc + s);
      }
      return acc;
    };
  test.each(['float32', 'float64'] as const)(
    'in %s they are those of the text, by plain loops and by SIMD',
    async (precision) => {
      const dot = contract(precision === 'float32' ? Math.fround : (x) => x);
      // What goes in is what comes out of a product with the identity.
      for (const executor of ['reference', 'simd'] as const) {
        const seen: { x: number[][]; w: number[][] }[] = [];
        const real = createExecutor({ executor, precision });
        const rowsOf = (x: { data: ArrayLike<number>; shape: number[] }): number[][] =>
          Array.from({ length: x.shape[0] }, (_, i) =>
            Array.from({ length: x.shape[1] }, (__, k) => x.data[i * x.shape[1] + k]),
          );
        const spy: Executor = {
          ...real,
          precision,
          name: executor,
          threads: 1,
          ops: real.ops,
          readWeights: () => Promise.reject(new Error('none')),
          rewriteWeights: () => Promise.resolve(),
          close: () => real.close(),
          run: (inputs, compute, options) =>
            real.run(
              inputs,
              (given, ops, tap) =>
                compute(
                  given,
                  {
                    ...reference,
                    linear: (x, weight, bias) => {
                      seen.push({ x: rowsOf(inputs[0]), w: rowsOf(weight) });
                      return ops.linear(x, weight, bias);
                    },
                  },
                  tap,
                ),
              options,
            ),
        };
        const answers = [...(await byKind(spy)).values()];
        answers.forEach((y, i) => {
          const expected = seen[i].x.flatMap((row) => seen[i].w.map((column) => dot(row, column)));
          const actual = [...elements(y)];
          expect(actual.filter((value, j) => !Object.is(value, expected[j]))).toEqual([]);
        });
      }
    },
  );
});

describe('models', () => {
  const compute = (
    name: ArtefactName,
    executor: Executor,
    around?: Parameters<Subject['compute']>[1],
  ): Promise<Folded> => new Subject(name).compute(executor, around);
  const faulty = (precision: 'float32' | 'float64', change: Partial<Operations>): Executor => {
    const right = new ReferenceExecutor(precision);
    const run = right.run.bind(right);
    right.run = (inputs, layers, options) =>
      run(inputs, (given, ops, tap) => layers(given, { ...ops, ...change }, tap), options);
    return right;
  };

  test('the tiny ones have the pinned hashes on every path of one thread', async () => {
    const options = parseArguments([
      'models=tiny-rn,tiny-vit,tiny-vit text',
      'sweep=0',
      'paths=plain,simd,plain64,simd64',
    ]);
    const result = await runProgram(options, null, () => undefined);
    expect(result.refused).toEqual({});
    const verdicts = judge(result, pins);
    expect(verdicts.length).toBe(4 + 12);
    expect(verdicts.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
  });

  test("tiny-rn's feature among the hashes is the one that a C program computed", async () => {
    const golden = elements(readGolden('fixtures/features/contract-bits-0.safetensors').tensor('tiny-rn')).slice(0, 32);
    const expected = createHash('sha256')
      .update(new Uint8Array(golden.buffer, 0, 128))
      .digest('hex')
      .slice(0, 6);
    const { parts } = await compute('tiny-rn', createExecutor({ executor: 'simd' }));
    expect(parts.visual).toBe(expected);
    const pinned = pins['tiny-rn float32'].parts.split(' ');
    expect(expected.startsWith(pinned[Object.keys(parts).indexOf('visual')])).toBe(true);
  });

  test('one element one ulp beside is found, and named where it is', async () => {
    const folded = await compute(
      'tiny-vit',
      faulty('float32', {
        layerNorm: (x, weight, bias, eps) => {
          const y = reference.layerNorm(x, weight, bias, eps);
          y.data[7] = float32FromBits(new Uint32Array(y.data.buffer)[7] + 1);
          return y;
        },
      }),
    );
    const [verdict] = judge(
      {
        hashes: { 'tiny-vit plain': folded.hash },
        parts: { 'tiny-vit plain': folded.parts },
        options: parseArguments([]),
      },
      pins,
    );
    expect(verdict).toMatchObject({ verdict: 'different', first: 'visual.ln_pre' });
  });

  test("Math.exp in the place of the contract's exponential is found in float64", async () => {
    const approximated = faulty('float64', {
      quickGelu: (x) => {
        const y = reference.quickGelu(x);
        for (let i = 0; i < y.data.length; i++)
          y.data[i] = x.data[x.offset + i] / (1 + Math.exp(-1.702 * x.data[x.offset + i]));
        return y;
      },
    });
    const folded = await compute('tiny-vit', approximated);
    const [verdict] = judge(
      {
        hashes: { 'tiny-vit plain64': folded.hash },
        parts: { 'tiny-vit plain64': folded.parts },
        options: parseArguments([]),
      },
      pins,
    );
    expect(verdict).toMatchObject({ verdict: 'different', first: 'visual.transformer.resblocks.0.mlp.gelu' });
  });

  test('a tensor that a tap changes changes what follows, and nothing before', async () => {
    const good = await compute('tiny-rn', createExecutor({ executor: 'reference' }));
    const bad = await compute('tiny-rn', createExecutor({ executor: 'reference' }), (name, x) => {
      if (name === 'visual.layer2.0.conv1') x.data[0] += 1;
    });
    const names = Object.keys(good.parts);
    const first = names.findIndex((name) => good.parts[name] !== bad.parts[name]);
    // The hash was taken before the change: the next tensor made of it is the first.
    expect(names[first]).toBe('visual.layer2.0.bn1');
    expect(bad.hash).not.toBe(good.hash);
  });
});

test('arguments: what is not known is refused in words', () => {
  expect(parseArguments(['models=', 'sweep=0', 'paths=plain', 'without=RN50 plain64,ViT-B/32 text simd'])).toEqual({
    models: [],
    sweep: 0,
    paths: ['plain'],
    without: ['RN50 plain64', 'ViT-B/32 text simd'],
  });
  for (const [argument, message] of [
    ['models=RN51', 'got "RN51"'],
    ['paths=gpu', 'got "gpu"'],
    ['sweep=-1', 'got "sweep=-1"'],
    ['without=RN50', 'got "RN50"'],
    ['help', 'got "help"'],
  ]) {
    expect(() => parseArguments([argument])).toThrow(message);
  }
});
