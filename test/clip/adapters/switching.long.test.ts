// Changing the adapter while calls are on their way, under half residency, and when reading fails.

import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { afterAll, describe, expect, test } from 'vitest';
import { Adapters } from '../../../src/clip/adapters/adapters.ts';
import { Gate } from '../../../src/clip/adapters/gate.ts';
import { openCheckpoint } from '../../../src/clip/weights/open.ts';
import { syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import { CLIP } from '../../../src/clip/clip.ts';
import { createExecutor } from '../../../src/executors/create.ts';
import { load } from '../../../src/clip/load.ts';
import { MODELS } from '../../../src/clip/models.ts';
import { parameterUses } from '../../../src/clip/parameters.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { expectSameBits } from '../../support/bits.ts';
import { readGolden, relRms } from '../../support/golden.ts';
import { rebuild } from '../../support/skeletons.ts';
import { fixture, readAdapter } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-adapters-'));
afterAll(() => rmSync(folder, { recursive: true }));

const image = syntheticImage(0, 2, 32);
const golden = readGolden('fixtures/adapters/golden.safetensors');
const tokens = golden.integers('tokens');

describe.each(['merged', 'unmerged'] as const)('%s', (adapterMode) => {
  test.each(['simd', 'reference'] as const)(
    '%s: a call has the adapter that was in force when it was made',
    async (executor) => {
      const { model } = await load('tiny-vit', {
        executor,
        threads: 2,
        adapter: [fixture('peft'), fixture('peft-openai')],
        adapterMode,
      });
      const alone = new Map<string | null, Tensor>();
      for (const name of ['peft', 'peft-openai', null]) {
        await model.setAdapter(name);
        alone.set(name, await model.encodeImage(image));
      }
      await model.setAdapter('peft');
      // None of these is waited for before the next one.
      const calls: [string | null, Promise<Tensor>][] = [];
      const changes: Promise<void>[] = [];
      for (const name of ['peft-openai', null, 'peft', 'peft-openai', 'peft']) {
        changes.push(model.setAdapter(name));
        calls.push([name, model.encodeImage(image)]);
      }
      for (const [name, call] of calls) expectSameBits(await call, alone.get(name)!, String(name));
      await Promise.all(changes);
      await model.close();
    },
  );

  test('a large batch keeps its adapter through all its passes, and forward through both towers', async () => {
    const { model } = await load('tiny-vit', {
      threads: 2,
      adapter: [fixture('peft'), fixture('peft-openai')],
      adapterMode,
    });
    const one = await model.encodeImage(image);
    const { logitsPerImage } = await model.forward(image, tokens);
    const N = 800; // a pass has 784
    const many = ndarray(new Float32Array(N * 3 * 32 * 32), [N, 3, 32, 32]) as Tensor;
    for (let n = 0; n < N; n += 2) many.data.set(image.data, n * 3 * 32 * 32);
    const batch = model.encodeImage(many);
    const logits = model.forward(image, tokens);
    const change = model.setAdapter('peft-openai');
    const features = await batch;
    expectSameBits(features.lo(N - 2, 0), one, 'the last two');
    expectSameBits((await logits).logitsPerImage, logitsPerImage, 'logits');
    await change;
    expect(relRms(await model.encodeImage(image), golden.tensor('peft-openai/image'))).toBeLessThan(1e-6);
    await model.close();
  });

  test('half residency gives the same bits: what an adapter changes is kept in float32', async () => {
    const file = join(folder, `half-${adapterMode}.pt`);
    writeFileSync(file, rebuild('tiny-vit.jit.pt')); // its matrices are halves
    const adapter = [fixture('peft'), fixture('peft-rslora')];
    const { model: half } = await load(file, { executor: 'simd', residency: 'half', threads: 2, adapter, adapterMode });
    const { model: single } = await load(file, { executor: 'reference', adapter, adapterMode });
    for (const name of ['peft', 'peft-rslora', null]) {
      await Promise.all([half.setAdapter(name), single.setAdapter(name)]);
      expectSameBits(await half.encodeImage(image), await single.encodeImage(image), `${name} image`);
      expectSameBits(await half.encodeText(tokens), await single.encodeText(tokens), `${name} text`);
    }
    await Promise.all([half.close(), single.close()]);
  });

  test('a tower that is read after a change has the adapter of then', async () => {
    const { model } = await load('tiny-vit', { adapter: [fixture('peft'), fixture('peft-openai')], adapterMode });
    await model.setAdapter('peft-openai');
    expect(relRms(await model.encodeText(tokens), golden.tensor('peft-openai/text'))).toBeLessThan(1e-6);
    await model.close();
  });

  test('close waits for the calls before it, and ends the calls after it', async () => {
    const { model } = await load('tiny-vit', { adapter: fixture('peft'), adapterMode });
    const call = model.encodeImage(image);
    const change = model.setAdapter(null);
    await model.close();
    expect(relRms(await call, golden.tensor('peft/image'))).toBeLessThan(1e-6);
    await change;
    await expect(model.setAdapter('peft')).rejects.toThrow('the model is closed');
    await expect(model.encodeImage(image)).rejects.toThrow('the model is closed');
  });
});

test('names that are none are refused, and the adapter in force stays', async () => {
  const { model } = await load('tiny-vit', { adapter: { path: fixture('peft'), name: 'mine' } });
  await expect(model.setAdapter('peft')).rejects.toThrow('setAdapter: "name" expected mine or null, got peft');
  await expect(model.setAdapter(undefined as never)).rejects.toThrow(RangeError);
  expect(model.adapter).toBe('mine');
  await model.close();
  const { model: without } = await load('tiny-vit');
  expect([without.adapters, without.adapter]).toEqual([[], null]);
  await without.setAdapter(null);
  await expect(without.setAdapter('peft')).rejects.toThrow(
    'was loaded without adapters; load it with { adapter: path }',
  );
  await without.close();
});

test('when reading breaks off, calls are refused until a change succeeds, which mends everything', async () => {
  const base = await openCheckpoint('synthetic:0', { model: 'tiny-vit' });
  const architecture = MODELS.find((model) => model.name === 'tiny-vit')!;
  const executor = createExecutor({ executor: 'simd', threads: 2 });
  let left = Infinity;
  const checkpoint = {
    ...base,
    read: (name: string, into: Float32Array) =>
      left-- > 0 ? base.read(name, into) : Promise.reject(new Error('the disk is gone')),
  };
  const adapters = new Adapters([await readAdapter(fixture('peft'), architecture)], 'merged', checkpoint, executor);
  const weights = (): ReturnType<Adapters['read']> => adapters.read(parameterUses(architecture, { text: false }));
  const model = new CLIP(
    {
      name: 'tiny-vit',
      weights: 'synthetic:0',
      architecture,
      activations: { vision: 'quick_gelu', text: 'quick_gelu' },
    },
    executor,
    { weights, adapters, close: () => base.close() },
  );
  expect(relRms(await model.encodeImage(image), golden.tensor('peft/image'))).toBeLessThan(1e-6);
  left = 5;
  await expect(model.setAdapter(null)).rejects.toThrow('the disk is gone');
  await expect(model.encodeImage(image)).rejects.toThrow(
    'the last change of the adapter failed halfway, and some weights are wrong; call setAdapter again',
  );
  left = Infinity;
  await model.setAdapter(null);
  expect(relRms(await model.encodeImage(image), golden.tensor('base/image'))).toBeLessThan(1e-6);
  await model.close();
});

test('a gate lets calls go side by side, changes alone, and keeps the order of both', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ change: fc.boolean(), ticks: fc.nat(4), fails: fc.boolean() }), { maxLength: 20 }),
      async (tasks) => {
        const gate = new Gate();
        let version = 0;
        let calls = 0;
        let changing = false;
        let expected = 0;
        const pause = async (ticks: number): Promise<void> => {
          for (let i = 0; i < ticks; i++)
            await new Promise((resume) => {
              setImmediate(resume);
            });
        };
        await Promise.all(
          tasks.map(({ change, ticks, fails }) => {
            if (change) {
              expected++;
              return gate
                .change(async () => {
                  expect([calls, changing]).toEqual([0, false]);
                  changing = true;
                  await pause(ticks);
                  version++;
                  changing = false;
                  if (fails) throw new Error('planned');
                })
                .catch((error: Error) => {
                  expect(error.message).toBe('planned');
                });
            }
            const wanted = expected;
            return gate
              .use(async () => {
                calls++;
                expect([version, changing]).toEqual([wanted, false]);
                await pause(ticks);
                expect([version, changing]).toEqual([wanted, false]);
                calls--;
                if (fails) throw new Error('planned');
              })
              .catch((error: Error) => {
                expect(error.message).toBe('planned');
              });
          }),
        );
        await gate.change(() => Promise.resolve());
      },
    ),
    { numRuns: 60 },
  );
});
