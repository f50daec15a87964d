// Every layout and format gives the same tensors, bit for bit: the eleven weight files of the two tiny models, made by
// PyTorch.

import { describe, expect, test } from 'vitest';
import { architectureFrom, checkParameters, modelNameFor } from '../../../src/clip/parameters.ts';
import { openCheckpoint } from '../../../src/clip/weights/open.ts';
import { sizeOf } from '../../../src/ops/tensor.ts';
import { bitsOf, temporaryFolder } from '../../support/checkpoints.ts';
import { halfBits, rebuild, sha256, skeletons } from '../../support/skeletons.ts';

const folder = temporaryFolder();
const LAYOUTS: Record<string, [string, string]> = {
  'checkpoint.pt': ['PyTorch zip', 'OpenAI (inside "state_dict.module")'],
  'jit.pt': ['TorchScript archive', 'OpenAI'],
  'legacy.pt': ['PyTorch legacy', 'OpenAI'],
  safetensors: ['safetensors', 'OpenAI'],
  'state_dict.pt': ['PyTorch zip', 'OpenAI'],
  'hf.safetensors': ['safetensors', 'Hugging Face'],
};

test('there are five files of tiny-rn and six of tiny-vit', () => {
  const names = Object.keys(skeletons);
  expect([
    names.filter((name) => name.startsWith('tiny-rn.')).length,
    names.filter((name) => name.startsWith('tiny-vit.')).length,
  ]).toEqual([5, 6]);
});

describe.for(Object.keys(skeletons))('%s', (name) => {
  const model = name.split('.')[0];

  test('is rebuilt as the original: so synthetic:0 is the golden one, bit for bit', () => {
    const file = rebuild(name);
    expect(sha256(file)).toBe(skeletons[name].sha256);
    folder.write(name, file);
  });

  test("holds exactly the model's tensors, equal to synthetic:0, widened exactly where they are halves", async () => {
    const checkpoint = await openCheckpoint(`${folder.path}/${name}`);
    const synthetic = await openCheckpoint('synthetic:0', { model });
    try {
      expect([checkpoint.format, checkpoint.layout]).toEqual(LAYOUTS[name.slice(model.length + 1)]);
      const architecture = architectureFrom(checkpoint.tensors);
      checkParameters(checkpoint, architecture);
      expect(modelNameFor(architecture)).toBe(model);
      let halves = 0;
      for (const [tensor, { shape }] of synthetic.tensors) {
        const expected = new Float32Array(sizeOf(shape));
        await synthetic.read(tensor, expected);
        if (checkpoint.tensors.get(tensor)!.dtype === 'F16') {
          halves++;
          expected.forEach((value, i) => {
            expected[i] = widened(halfBits(value));
          });
        }
        // memory that other threads may see, at an odd place in it
        const shared = new Float32Array(new SharedArrayBuffer(4 * expected.length + 12), 12);
        await checkpoint.read(tensor, shared);
        expect(Buffer.from(bitsOf(shared).slice().buffer).equals(Buffer.from(expected.buffer)), tensor).toBe(true);
      }
      expect(halves > 0).toBe(name.endsWith('jit.pt'));
    } finally {
      await checkpoint.close();
    }
  });
});

/** Value of a finite half, by the formula. */
function widened(half: number): number {
  const sign = half >>> 15 ? -1 : 1,
    exponent = (half >>> 10) & 31,
    fraction = half & 1023;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe('planted faults are caught by the comparison above', () => {
  /** Names of tensors of tiny-vit that differ from synthetic:0. */
  async function differing(
    file: Buffer,
    fault: (name: string, values: Float32Array) => void = () => undefined,
  ): Promise<string[]> {
    const checkpoint = await openCheckpoint(folder.write('planted', file));
    const synthetic = await openCheckpoint('synthetic:0', { model: 'tiny-vit' });
    const names: string[] = [];
    for (const [name, { shape }] of synthetic.tensors) {
      const got = new Float32Array(sizeOf(shape)),
        expected = new Float32Array(sizeOf(shape));
      await checkpoint.read(name, got);
      fault(name, got);
      await synthetic.read(name, expected);
      if (!Buffer.from(got.buffer).equals(Buffer.from(expected.buffer))) names.push(name);
    }
    await checkpoint.close();
    return names;
  }

  const file = rebuild('tiny-vit.hf.safetensors');
  const region = (tensor: string): number =>
    skeletons['tiny-vit.hf.safetensors'].regions.find((entry) => entry.tensor === tensor)!.offset;

  test('none planted, none found', async () => expect(await differing(file)).toEqual([]));

  test('one bit of one element', async () => {
    const damaged = Buffer.from(file);
    damaged[region('visual.ln_pre.bias') + 40] ^= 1;
    expect(await differing(damaged)).toEqual(['visual.ln_pre.bias']);
  });

  test('q and k exchanged', async () => {
    const name = 'visual.transformer.resblocks.1.attn.in_proj_bias';
    expect(
      await differing(file, (tensor, values) => {
        if (tensor === name) values.set([...values.subarray(128, 256), ...values.subarray(0, 128)]);
      }),
    ).toEqual([name]);
  });

  test('a projection that was not transposed', async () => {
    expect(
      await differing(file, (tensor, values) => {
        if (tensor === 'visual.proj')
          values.set([...values].map((_, i) => values[(i % 128) * 32 + Math.floor(i / 128)]));
      }),
    ).toEqual(['visual.proj']);
  });

  test('a sign of zero', () =>
    expect(Buffer.from(Float32Array.of(-0).buffer).equals(Buffer.from(Float32Array.of(0).buffer))).toBe(false));
});
