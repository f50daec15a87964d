// The matchers, as another project's tests use them: what passes, and what is said where something does not.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CLIP } from '../../src/clip/clip.ts';
import { load } from '../../src/clip/load.ts';
import { clipMatchers } from '../../src/oracle/vitest.ts';
import { changed, goldenTrace } from './support/golden-trace.ts';

const trace = goldenTrace('tiny-vit');
const { image } = trace;
const layer = 'visual.transformer.resblocks.1.mlp.gelu';
const broken = changed(trace, layer, (data) => data.map((x) => x * 1.01));
let model: CLIP;
beforeAll(async () => {
  ({ model } = await load('tiny-vit', { threads: 1 }));
});
afterAll(() => model.close());

/** What a failing assertion says. */
async function said(assertion: Promise<void>): Promise<string> {
  return assertion.then(
    () => {
      throw new Error('the assertion held');
    },
    (error: Error) => error.message,
  );
}

describe('toMatchClip', () => {
  test('a right backend passes', async () => {
    await expect(trace).toMatchClip({ model });
    await expect(trace).toMatchClip({ model, claim: 'float32', teacherForced: true });
  });

  test('a model by name', async () => {
    await expect({ image, visual: trace.visual }).toMatchClip({ model: 'tiny-vit', weights: 'synthetic:0' });
  });

  test('a wrong one does not, and the message says where, how much, and what the others are', async () => {
    await expect(broken).not.toMatchClip({ model, causes: false });
    const message = await said(expect(broken).toMatchClip({ model, causes: false }));
    expect(message).toContain(
      `dump in memory against tiny-vit (synthetic:0), claim float32. Fail: wrong from ${layer} on`,
    );
    expect(message).toMatch(
      new RegExp(`^  ${layer.replaceAll('.', '\\.')}: rho \\S+, relRMS 1\\.00e-2, \\d\\.\\d of 24 bits right$`, 'm'),
    );
  });

  test('where it ought not to match and does, that is said', async () => {
    expect(await said(expect(trace).not.toMatchClip({ model }))).toContain('Pass: right for float32');
  });

  test('a dump that is none of this model is an error, negated or not', async () => {
    const { visual } = trace;
    for (const assertion of [
      expect({ visual }).toMatchClip({ model }),
      expect({ visual }).not.toMatchClip({ model }),
    ]) {
      expect(await said(assertion)).toContain('has no input');
    }
    expect(await said(expect('no-such-file.npz').not.toMatchClip({ model }))).toContain('no-such-file.npz');
    expect(await said(expect(5).toMatchClip({ model }))).toBe(
      "toMatchClip: expected a dump's path, an opened dump, or tensors by name, got number",
    );
    expect(await said(expect(trace).toMatchClip({} as never))).toContain(
      '"model" expected a loaded model or a model\'s name, got nothing',
    );
  });
});

describe('toMatchClipLayer', () => {
  test("one module's output", async () => {
    await expect(trace[layer]).toMatchClipLayer(layer, { model, image });
    await expect(broken[layer]).not.toMatchClipLayer(layer, { model, image, causes: false });
    expect(await said(expect(broken[layer]).toMatchClipLayer(layer, { model, image, causes: false }))).toContain(layer);
  });

  test('what is missing is said', async () => {
    expect(await said(expect(trace.visual).toMatchClipLayer('visual', { model } as never))).toContain(
      '"image" expected the pixels',
    );
    expect(await said(expect(trace.visual).toMatchClipLayer(undefined as never, { model, image }))).toContain(
      '"name" expected a module\'s path',
    );
    expect(await said(expect(trace.visual).toMatchClipLayer('visual.conv9', { model, image }))).toContain(
      'got visual.conv9',
    );
  });
});

test("both are there for an expect of one's own", () => {
  expect(Object.keys(clipMatchers)).toEqual(['toMatchClip', 'toMatchClipLayer']);
});
