// synthetic:SEED against a second implementation of its definition in BigInt arithmetic. (The golden weights, made in
// Python, are compared in skeletons.long.test.ts, bit for bit.)

import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../src/clip/weights/open.ts';
import { crc32 } from '../../../src/formats/crc32.ts';
import { distribution, fillSynthetic, syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import { threefry2x32 } from '../../../src/ops/threefry.ts';
import { MODELS } from '../../../src/clip/models.ts';
import { bitsOf, failure } from '../../support/checkpoints.ts';

const MASK = 0xffffffffn;

/** Threefry-2x32-20 as the paper writes it, in BigInt. */
function judge(key: [bigint, bigint], counter: [bigint, bigint]): [number, number] {
  const rotations = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  const keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bdan];
  let [x0, x1] = [(counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK];
  for (let round = 0; round < 20; round++) {
    x0 = (x0 + x1) & MASK;
    const r = rotations[round % 8];
    x1 = (((x1 << r) | (x1 >> (32n - r))) & MASK) ^ x0;
    if (round % 4 === 3) {
      const s = BigInt((round + 1) / 4);
      x0 = (x0 + keys[Number(s % 3n)]) & MASK;
      x1 = (x1 + keys[Number((s + 1n) % 3n)] + s) & MASK;
    }
  }
  return [Number(x0), Number(x1)];
}

const word = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff));

describe('Threefry-2x32, 20 rounds', () => {
  test.for([
    [[0, 0, 0, 0], '6b200159 99ba4efe'],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], '1cb996fc bb002be7'],
    [[0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3], 'c4923a9c 483df7a0'],
  ] as const)('known answer of the paper for %j', ([[k0, k1, c0, c1], answer]) => {
    expect(
      threefry2x32(k0, k1, c0, c1)
        .map((w) => (w >>> 0).toString(16).padStart(8, '0'))
        .join(' '),
    ).toBe(answer);
    expect(
      judge([BigInt(k0), BigInt(k1)], [BigInt(c0), BigInt(c1)])
        .map((w) => w.toString(16).padStart(8, '0'))
        .join(' '),
    ).toBe(answer);
  });

  test('is the same as in BigInt arithmetic for every key and counter', () => {
    fc.assert(
      fc.property(word, word, word, word, (k0, k1, c0, c1) => {
        expect(threefry2x32(k0, k1, c0, c1).map((w) => w >>> 0)).toEqual(
          judge([BigInt(k0), BigInt(k1)], [BigInt(c0), BigInt(c1)]),
        );
      }),
    );
  });
});

describe('CRC-32', () => {
  test('known answer: "123456789" gives cbf43926', () => expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926));
  test("is the same as zlib's for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      }),
    );
  });
});

describe('parameters', () => {
  // center, and amplitude as a float64 expression; one line for every line of the definition's table
  test.for([
    ['logit_scale', [], 2.6592600369327783, 0],
    ['visual.bn1.running_mean', [32], 0, 0.1],
    ['visual.layer1.0.bn3.running_var', [32], 1, 0.5],
    ['visual.ln_post.bias', [7], 0, 0.1],
    ['visual.transformer.resblocks.0.attn.in_proj_bias', [7], 0, 0.1],
    ['visual.layer2.1.bn3.weight', [64], 0.25, 0.125],
    ['visual.bn3.weight', [64], 1, 0.25],
    ['visual.layer2.1.bn2.weight', [64], 1, 0.25],
    ['ln_final.weight', [64], 1, 0.25],
    ['positional_embedding', [77, 512], 0, Math.sqrt(3 / 512)],
    ['visual.attnpool.positional_embedding', [50, 2048], 0, Math.sqrt(3 / 2048)],
    ['visual.class_embedding', [768], 0, Math.sqrt(3 / 768)],
    ['token_embedding.weight', [49408, 512], 0, Math.sqrt(3 / 512)],
    ['visual.proj', [768, 512], 0, Math.sqrt(3 / 768)],
    ['text_projection', [640, 512], 0, Math.sqrt(3 / 640)],
    ['visual.layer1.0.conv2.weight', [64, 32, 3, 3], 0, Math.sqrt(6 / 288)],
    ['visual.layer1.0.downsample.0.weight', [64, 32, 1, 1], 0, Math.sqrt(6 / 32)],
    ['visual.conv1.weight', [64, 3, 3, 3], 0, Math.sqrt(3 / 27)],
    ['visual.transformer.resblocks.0.mlp.c_fc.weight', [40, 10], 0, Math.sqrt(3 / 10)],
    ['visual.transformer.resblocks.0.attn.in_proj_weight', [30, 10], 0, Math.sqrt(3 / 10)],
    ['visual.attnpool.c_proj.weight', [5, 2048], 0, Math.sqrt(3 / 2048)],
  ] as const)('%s %j: center %d, amplitude %d', ([name, shape, center, amplitude]) => {
    expect(distribution(name, shape)).toEqual({ center, amplitude: Math.fround(amplitude) });
  });

  test("elements are the definition's, at block borders and for odd counts and any seed", () => {
    const name = 'visual.layer1.0.bn3.weight';
    for (const [seed, count] of [
      [0, 1],
      [1, 2],
      [0xffffffff, 3],
      [123456789, 1023],
      [7, 1024],
      [7, 1025],
      [7, 4099],
    ]) {
      const values = new Float32Array(new SharedArrayBuffer(4 * count));
      fillSynthetic(seed, name, [count], values);
      for (const i of new Set(
        [0, 1, 2, 1022, 1023, 1024, 1025, 2047, 2048, count - 2, count - 1].filter(
          (index) => index >= 0 && index < count,
        ),
      )) {
        const w = judge([BigInt(seed), BigInt(zlibCrc32(name))], [BigInt(i >> 1), 0n])[i & 1];
        const v = ((w >>> 8) - 8388608) / 8388608;
        expect(values[i], `${seed} ${count} ${i}`).toBe(Math.fround(0.25 + Math.fround(v * 0.125)));
      }
    }
  });

  test('the image is 2·v under the name image', () => {
    const image = syntheticImage(3, 2, 5);
    expect(image.shape).toEqual([2, 3, 5, 5]);
    for (let i = 0; i < 150; i++) {
      const w = judge([3n, BigInt(zlibCrc32('image'))], [BigInt(i >> 1), 0n])[i & 1];
      expect(image.data[i]).toBe(2 * (((w >>> 8) - 8388608) / 8388608));
    }
  });
});

describe('openCheckpoint("synthetic:SEED")', () => {
  test('knows every model by name, and reads the same tensor whoever asks first', async () => {
    for (const { name } of MODELS) {
      const checkpoint = await openCheckpoint('synthetic:0', { model: name });
      expect(checkpoint.tensors.size).toBeGreaterThan(60);
      expect([checkpoint.format, checkpoint.layout, checkpoint.origin]).toEqual(['synthetic', 'OpenAI', 'synthetic:0']);
    }
    const read = async (names: string[]): Promise<Map<string, Uint32Array>> => {
      const checkpoint = await openCheckpoint('synthetic:5', { model: 'tiny-vit' });
      const result = new Map<string, Uint32Array>();
      for (const name of names) {
        const into = new Float32Array(checkpoint.tensors.get(name)!.shape.reduce((a, b) => a * b, 1));
        await checkpoint.read(name, into);
        result.set(name, bitsOf(into));
      }
      return result;
    };
    const forth = await read(['visual.proj', 'ln_final.weight']),
      back = await read(['ln_final.weight', 'visual.proj']);
    for (const [name, bits] of forth) expect(bits).toEqual(back.get(name));
  });

  test('the seed counts modulo 2^32', async () => {
    const scale = async (seed: string): Promise<Float32Array> => {
      const into = new Float32Array(128);
      await (await openCheckpoint(`synthetic:${seed}`, { model: 'tiny-vit' })).read('visual.class_embedding', into);
      return into;
    };
    expect(await scale('4294967298')).toEqual(await scale('2'));
    expect(await scale('3')).not.toEqual(await scale('2'));
  });

  test.for([
    ['synthetic:', { model: 'RN50' }, /expected synthetic:SEED with a whole number/],
    ['synthetic:abc', { model: 'RN50' }, /expected synthetic:SEED/],
    ['synthetic:-1', { model: 'RN50' }, /expected synthetic:SEED/],
    ['synthetic:1.5', { model: 'RN50' }, /expected synthetic:SEED/],
    ['synthetic:0', {}, /expected the name of a model, got none; name one of RN50/],
    ['synthetic:0', { model: 'RN51' }, /got "RN51"; name one of RN50/],
  ] as const)('%s %j is an error with its remedy', async ([source, options, message]) => {
    expect(await failure(openCheckpoint(source, options))).toMatch(message);
  });

  test('a wrong name or size of the destination is an error', async () => {
    const checkpoint = await openCheckpoint('synthetic:0', { model: 'tiny-vit' });
    expect(await failure(checkpoint.read('visual.nothing', new Float32Array(1)))).toMatch(
      /no tensor "visual\.nothing"/,
    );
    expect(await failure(checkpoint.read('visual.proj', new Float32Array(1)))).toMatch(
      /expected 4096 elements for \(128, 32\), got 1/,
    );
  });
});
