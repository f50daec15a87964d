// Too little memory: what does not fit is refused in a sentence, and what fits goes on, with the same bits.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { load } from '../../src/clip/load.ts';
import { expectSameBits } from '../support/bits.ts';
import { bundled, main, picture, root, run } from '../cli/support/cli.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each([1, 2])('WebAssembly memory that cannot grow, %i threads', (threads) => {
  // Guard: SimdExecutor's #reserve; without it the engine's words come, without a remedy.
  test('a call that does not fit is refused with a remedy, one that fits still works, and after it the large one', async () => {
    const { model } = await load('tiny-vit', { weights: 'synthetic:0', executor: 'simd', threads });
    const [small, large] = [syntheticImage(1, 1, 32), syntheticImage(2, 60, 32)];
    const right = await model.encodeImage(small);
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded');
    });
    const huge = syntheticImage(3, 400, 32);
    await expect(model.encodeImage(huge)).rejects.toThrow(
      /need \d+ MB in one WebAssembly memory, which cannot be had; take smaller batches, or executor reference/,
    );
    expectSameBits(await model.encodeImage(small), right);
    grow.mockRestore();
    const plain = (await load('tiny-vit', { weights: 'synthetic:0', executor: 'reference' })).model;
    expectSameBits(await model.encodeImage(large), await plain.encodeImage(large));
    await plain.close();
    await model.close();
  });

  test('weights that do not fit: load fails and holds nothing, the next one works', async () => {
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('no');
    });
    await expect(load('mini-vit', { executor: 'simd', threads })).rejects.toThrow(
      /cannot be had; take smaller batches, or executor reference/,
    );
    grow.mockRestore();
    const { model } = await load('mini-vit', { executor: 'simd', threads });
    await model.close();
  });
});

// Guard: newMemory in simd-executor.ts.
test('no memory for another model', async () => {
  // the canary has had its memory
  await (await load('tiny-vit', { weights: 'synthetic:0', executor: 'simd', threads: 1 })).model.close();
  vi.spyOn(WebAssembly, 'Memory').mockImplementation(function refused() {
    throw new RangeError('WebAssembly.Memory(): could not allocate memory');
  } as unknown as typeof WebAssembly.Memory);
  await expect(load('tiny-vit', { weights: 'synthetic:0', executor: 'simd', threads: 1 })).rejects.toThrow(
    /^load: no WebAssembly memory can be had for another model; close one/,
  );
});

describe.skipIf(process.platform !== 'linux')('a process with limits', () => {
  const feature = async (args: string[], limits: string, node: string[] = []): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      ['-c', `${limits} exec "$@"`, 'bash', process.execPath, ...node, main, 'embed', ...args],
      { cwd: root },
    ).catch((error: { stdout: string; stderr: string }) => error);
    return stdout + stderr;
  };

  test(
    'addresses are limited (ulimit -v): no SIMD, which sets 4 GB and more aside; the plain loops give the same ' +
      'line',
    async () => {
      const args = [picture('guitar.png'), '--threads', '1'];
      expect(await feature(args, 'ulimit -v 6000000;')).toBe((await run(['embed', ...args])).stdout);
    },
  );

  test('where Node itself cannot have its memory, that is one sentence with a remedy, or the right line', async () => {
    const args = [bundled('octopus.jpg'), '--threads', '1'];
    const said = await feature(args, 'ulimit -v 6000000;');
    expect([
      (await run(['embed', ...args])).stdout,
      expect.stringMatching(/^clip-oracle: [^\n]*there is too little memory: raise the limit of the process[^\n]*\n$/),
    ]).toContainEqual(said);
  });

  test('a heap of 24 MB (--max-old-space-size) is enough for many pictures', async () => {
    const args = [
      ...['cat-face', 'dog-face', 'rocket', 'guitar', 'penguin', 'snowman'].map((name) => picture(`${name}.png`)),
      '--threads',
      '2',
    ];
    expect(await feature(args, '', ['--max-old-space-size=24'])).toBe((await run(['embed', ...args])).stdout);
  });
});
