// Bugs planted into a PyTorch network (tools/pytorch), which shares nothing with the oracle: the first wrong layer must
// be named in every case, the cause in most, and right backends must pass. Needs a python3 with PyTorch and numpy;
// CLIP_ORACLE_PYTHON names another. `npm run test:slow -- planted`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { openDump } from '../../src/formats/dump/open.ts';
import type { VerifyResult } from '../../src/oracle/types.ts';
import { verify } from '../../src/oracle/verify.ts';
import { needs, pythonWith } from '../support/needs.ts';

const found = pythonWith('torch', 'numpy');
const works = needs(
  'pytorch',
  found !== undefined,
  'install it (Debian: apt-get install python3-torch) or name a python3 that has torch and numpy in CLIP_ORACLE_PYTHON',
);
const PYTHON = found ?? 'python3';
const SCRIPT = new URL('../../tools/pytorch/clip_torch.py', import.meta.url).pathname;
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);
/** Share of bugs whose cause must be among those that are named; the first one for most. */
const NAMED = 0.8;

interface Bug {
  name: string;
  kind: string;
  first: Record<string, string>;
  cause: string[];
}

const MODELS = { 'tiny-rn': 'ModifiedResNet', 'tiny-vit': 'VisionTransformer' };
/** Full-size models take a handful. */
const LARGE: readonly (readonly [string, string, string])[] = [
  ...['bgr', 'batchnorm-eps-1e-3', 'padding-off-by-one', 'missing-relu', 'stride-for-pool', 'pool-q-k-swapped'].map(
    (bug) => ['RN50', 'ModifiedResNet', bug] as const,
  ),
  ...['crop-shifted', 'gelu-tanh', 'layernorm-eps-1e-6', 'k-v-swapped', 'wrong-block-weights', 'missing-ln-post'].map(
    (bug) => ['ViT-B/32', 'VisionTransformer', bug] as const,
  ),
];

const bugs = works ? (JSON.parse(execFileSync(PYTHON, [SCRIPT, '--list'], { encoding: 'utf8' })) as Bug[]) : [];
const table: string[] = [];

describe.skipIf(!works)('planted bugs', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'clip-oracle-planted-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    console.log(table.join('\n'));
  });

  const dumped = (...args: string[]): void =>
    void execFileSync(PYTHON, [SCRIPT, '--folder', folder, ...args], { stdio: 'inherit' });
  const path = (model: string, seed: number, bug?: string): string =>
    join(folder, `${model.replace('/', '-')}.${seed}${bug === undefined ? '' : `.${bug}`}.safetensors`);

  async function verified(model: string, seed: number, bug?: string): Promise<VerifyResult> {
    const { model: loaded } = await load(model, { weights: `synthetic:${seed}` });
    const dump = await openDump(path(model, seed, bug));
    try {
      return await verify(loaded, dump);
    } finally {
      await dump.close();
      await loaded.close();
    }
  }

  /** 2: the cause is the first that is named, 1: it is among them, 0: it is not. */
  async function judged(model: string, kind: string, bug: Bug): Promise<number> {
    const start = performance.now();
    const { firstWrong, causes } = await verified(model, 0, bug.name);
    const score = bug.cause.includes(causes[0]?.name) ? 2 : causes.some(({ name }) => bug.cause.includes(name)) ? 1 : 0;
    table.push(
      `${['MISSED', 'among ', 'first '][score]} ${model.padEnd(8)} ${bug.name.padEnd(30)} ` +
        `${String(firstWrong).padEnd(45)} ` +
        `${causes.map(({ name, confidence }) => `${name} ${confidence}`).join(', ')} ` +
        `(${((performance.now() - start) / 1000).toFixed(1)} s)`,
    );
    expect(firstWrong, `${model}: ${bug.name}`).toBe(bug.first[kind]);
    return score;
  }

  test.each(Object.entries(MODELS))(
    '%s: the first wrong layer of every bug is named, and the cause of most',
    async (model, kind) => {
      dumped('--model', model, '--all-bugs');
      const mine = bugs.filter((bug) => bug.first[kind] !== undefined);
      const scores: number[] = [];
      const failures: unknown[] = [];
      for (const bug of mine)
        await judged(model, kind, bug).then(
          (score) => scores.push(score),
          (error: unknown) => failures.push(error),
        );
      expect(failures.map(String)).toEqual([]);
      const named = scores.filter((score) => score > 0).length;
      table.push(
        `${model}: ${mine.length} bugs, cause named ${named} times, as the first ` +
          `${scores.filter((score) => score === 2).length} times`,
      );
      expect(named / mine.length).toBeGreaterThanOrEqual(NAMED);
    },
  );

  test.each(Object.keys(MODELS))('%s: right backends pass, over 20 seeds of weights and images', async (model) => {
    dumped('--model', model, '--seeds', ...SEEDS.map(String));
    const largest: number[] = [];
    for (const seed of SEEDS) {
      const { verdict, firstWrong, layers } = await verified(model, seed);
      expect({ seed, verdict, firstWrong }).toEqual({ seed, verdict: 'pass', firstWrong: null });
      largest.push(Math.max(...layers.map(({ rho }) => rho)));
    }
    table.push(`${model}: ${SEEDS.length} right backends pass, largest rho ${Math.max(...largest).toFixed(2)}`);
  });

  test.each(LARGE)('%s (%s): %s', async (model, kind, name) => {
    dumped('--model', model, '--images', '1', '--bugs', name);
    const bug = bugs.find((one) => one.name === name)!;
    try {
      expect(await judged(model, kind, bug)).toBeGreaterThan(0);
    } finally {
      rmSync(path(model, 0, name), { force: true });
    }
  });
});
