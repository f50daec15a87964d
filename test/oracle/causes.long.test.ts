// Causes: bugs planted into a PyTorch network (fixtures/oracle) are named; right layers, and errors that are no known
// fault, get no made-up cause.

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { load } from '../../src/clip/load.ts';
import { findCauses } from '../../src/oracle/causes/index.ts';
import { openDump } from '../../src/formats/dump/open.ts';
import type { VerifyResult } from '../../src/oracle/types.ts';
import type { Values } from '../../src/formats/values.ts';
import { verify } from '../../src/oracle/verify.ts';
import { readGolden } from '../support/golden.ts';

const FOLDER = 'fixtures/oracle/planted';
const FILES = readdirSync(new URL(`../../${FOLDER}`, import.meta.url)).filter((name) => name.endsWith('.safetensors'));
const model = (name: string): Promise<Awaited<ReturnType<typeof load>>['model']> =>
  load(name, { threads: 1 }).then((loaded) => loaded.model);
const models = new Map(['tiny-rn', 'tiny-vit'].map((name) => [name, model(name)]));

async function verified(file: string): Promise<{ result: VerifyResult; metadata: Readonly<Record<string, string>> }> {
  const dump = await openDump(new URL(`../../${FOLDER}/${file}`, import.meta.url).pathname);
  try {
    const { metadata } = dump;
    const loaded = await models.get(metadata.model)!;
    return {
      result: await verify(loaded, dump, { image: syntheticImage(0, 1, loaded.architecture.vision!.resolution) }),
      metadata,
    };
  } finally {
    await dump.close();
  }
}

describe('planted bugs', () => {
  test.each(FILES.filter((name) => !name.includes('.right.')))('%s', async (file) => {
    const {
      result: { firstWrong, causes, verdict },
      metadata,
    } = await verified(file);
    expect({ verdict, firstWrong }).toEqual({ verdict: 'fail', firstWrong: metadata.first });
    expect(causes[0]).toBeDefined();
    expect(JSON.parse(metadata.cause)).toContain(causes[0].name);
    expect(causes[0].confidence).toBeGreaterThan(0.5);
    expect(causes[0].explanation).toMatch(/^[^;]+; .{10,}\.$|^The image is normalised with mean .+\.$/);
  });

  test.each(FILES.filter((name) => name.includes('.right.')))('%s: no alarm', async (file) => {
    const {
      result: { firstWrong, causes },
    } = await verified(file);
    expect({ firstWrong, causes }).toEqual({ firstWrong: null, causes: [] });
  });
});

/** PyTorch's tiny-vit in float64 (fixtures/tiny), rounded to float32: a right backend. */
const golden = readGolden('fixtures/tiny/tiny-vit.trace.safetensors');
const right = (name: string): Values => {
  const { shape, data } = golden.tensor(name === 'image' ? 'input/image' : `f64/${name}`);
  return { shape, data: Float32Array.from(data) };
};
const BLOCK = 'visual.transformer.resblocks.0';
const BEFORE = ['visual.conv1', 'visual.ln_pre', `${BLOCK}.ln_1`];

async function causesOf(
  target: string,
  change: (values: Float32Array, shape: readonly number[]) => void,
  options: { right?: readonly string[] } = {},
): Promise<{ name: string; confidence: number }[]> {
  const values = right(target);
  change(values.data as Float32Array, values.shape);
  const causes = await findCauses({
    model: await models.get('tiny-vit')!,
    target,
    right: options.right ?? BEFORE,
    backend: (name) => (name === target ? values : name === 'image' || BEFORE.includes(name) ? right(name) : null),
  });
  return causes.map(({ name, confidence }) => ({ name, confidence }));
}

describe('no cause is made up', () => {
  test('a right layer: its error comes from before', async () => {
    expect(await causesOf(`${BLOCK}.attn`, () => undefined)).toEqual([{ name: 'errors-from-before', confidence: 0.1 }]);
  });

  test('noise of one part in a thousand is no known fault', async () => {
    let state = 1;
    const noise = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2147483648;
    const causes = await causesOf(`${BLOCK}.attn`, (values) =>
      values.forEach((v, i) => {
        values[i] = v + 1e-3 * noise();
      }),
    );
    expect(causes).toEqual([]);
  });

  test('one wrong token: its place is told, with little confidence', async () => {
    const causes = await causesOf(`${BLOCK}.attn`, (values) => {
      for (let i = 0; i < 256; i++) values[i] += 0.1 * Math.fround(i % 7);
    });
    expect(causes).toEqual([{ name: 'unexplained-class-token-only', confidence: 0.1 }]);
  });

  test('a wrong border', async () => {
    const causes = await causesOf('visual.conv1', (values, [, , H, W]) =>
      values.forEach((v, i) => {
        if (i % W === 0 || Math.floor(i / W) % H === 0) values[i] = v + 0.3 + (i % 5);
      }),
    );
    expect(causes).toContainEqual({ name: 'unexplained-border-only', confidence: 0.1 });
  });

  test('NaN', async () => {
    expect(
      await causesOf(`${BLOCK}.attn`, (values) => {
        values[77] = NaN;
      }),
    ).toEqual([{ name: 'unexplained-not-finite', confidence: 0.1 }]);
  });

  test('a factor is estimated', async () => {
    expect(
      await causesOf(`${BLOCK}.attn`, (values) =>
        values.forEach((v, i) => {
          values[i] = 1.37 * v;
        }),
      ),
    ).toEqual([{ name: 'constant-factor', confidence: 1 }]);
  });

  test('inputs that the dump lacks are computed from what it has', async () => {
    const double = (values: Float32Array): void =>
      values.forEach((v, i) => {
        values[i] = 2 * v;
      });
    expect(await causesOf(`${BLOCK}.attn`, double, { right: [] })).toEqual([
      { name: 'constant-factor', confidence: 1 },
    ]);
  });
});

describe('misuse', () => {
  test('a target that is no module', async () => {
    const loaded = await models.get('tiny-vit')!;
    const question = { model: loaded, right: [], backend: () => right('image') };
    await expect(findCauses({ ...question, target: 'visual.layer1' })).rejects.toThrow(
      /"target" expected one of the network's 22 modules, got "visual\.layer1"/,
    );
    await expect(findCauses({ ...question, target: 'visual', backend: () => null })).rejects.toThrow(
      /"backend" expected values for image and visual, got none/,
    );
  });

  test('a signal cancels', async () => {
    const loaded = await models.get('tiny-vit')!;
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(
      findCauses({ model: loaded, target: 'visual.conv1', right: [], backend: right, signal }),
    ).rejects.toThrow('enough');
  });
});
