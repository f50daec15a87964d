// What verify says while it works: every stage counts from one to its total, also the judging on the backend's own
// inputs and the search for causes.

import { afterAll, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { memoryDump } from '../../src/oracle/memory-dump.ts';
import { verify, type VerifyProgress } from '../../src/oracle/verify.ts';
import { changed, goldenTrace } from './support/golden-trace.ts';

const loading = load('tiny-vit', { threads: 1 });
afterAll(async () => (await loading).model.close());
const trace = goldenTrace('tiny-vit');
const LAYER = 'visual.transformer.resblocks.1.ln_1';

test('a fault in the noise is looked for in three stages, each counted to its end', async () => {
  const seen: VerifyProgress[] = [];
  const dump = memoryDump(changed(trace, LAYER, (data) => data.map((x) => x * (1 + 3e-6))));
  const { firstWrong } = await verify((await loading).model, dump, {
    onProgress: (progress) => {
      seen.push(progress);
    },
  });
  expect(firstWrong).toBe(LAYER);
  const stages = [...new Set(seen.map(({ stage }) => stage))];
  expect(stages).toEqual(['layers', 'own inputs', 'causes']);
  for (const stage of stages) {
    const steps = seen.filter((progress) => progress.stage === stage);
    expect(
      steps.map(({ done }) => done),
      stage,
    ).toEqual(steps.map((_, i) => i + 1));
    expect(steps.at(-1)!.done, stage).toBe(steps.at(-1)!.total);
    for (const { done, total } of steps) expect(total, stage).toBeGreaterThanOrEqual(done);
  }
  expect(seen.filter(({ stage }) => stage === 'causes').length).toBeGreaterThan(10);
  expect(new Set(seen.filter(({ stage }) => stage === 'causes').map(({ layer }) => layer))).toEqual(new Set([LAYER]));
});

test('where all is right, there is one stage', async () => {
  const stages = new Set<string>();
  await verify((await loading).model, memoryDump(trace), {
    onProgress: ({ stage }) => {
      stages.add(stage);
    },
  });
  expect([...stages]).toEqual(['layers']);
});
