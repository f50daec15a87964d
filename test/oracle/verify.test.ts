// verify on the tiny models: right backends pass, wrong ones are told where.

import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../src/clip/load.ts';
import { verify } from '../../src/oracle/verify.ts';
import { goldenTrace, memoryDump } from './support/memory-dump.ts';

const models = { 'tiny-rn': load('tiny-rn', { executor: 'reference' }), 'tiny-vit': load('tiny-vit', { executor: 'reference' }) };
afterAll(async () => {
  for (const { model } of await Promise.all(Object.values(models))) await model.close();
});

describe.each(['tiny-rn', 'tiny-vit'] as const)('%s', (name) => {
  test('PyTorch\'s truth, rounded to float32, passes on every layer', async () => {
    const { model } = await models[name];
    const trace = goldenTrace(name);
    for (const teacherForced of [false, true]) {
      const result = await verify(model, memoryDump(trace), { teacherForced });
      expect(result).toMatchObject({ verdict: 'pass', firstWrong: null, causes: [], missing: [], unknown: [], model: name, claim: 'float32', teacherForced });
      expect(result.layers.map((layer) => layer.name).sort()).toEqual(Object.keys(trace).filter((key) => key !== 'image').sort());
      for (const layer of result.layers) expect(layer.verdict, layer.name).toBe('pass');
    }
  });
});
