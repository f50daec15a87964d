// Matchers for a backend's own test suite: `import 'clip-oracle/vitest'` in a test or a setup file, then
//
//   await expect('dump.safetensors').toMatchClip({ model: 'RN50', weights: 'synthetic:0' });
//   await expect({ image, visual: features }).toMatchClip({ model });
//   await expect(output).toMatchClipLayer('visual.layer1.0.conv1', { model, image });

import { expect } from 'vitest';
import type { CLIP } from '../clip/clip.ts';
import { load } from '../clip/load.ts';
import { openDump } from '../formats/dump/open.ts';
import { memoryDump, type AnyTensor } from './memory-dump.ts';
import { summarise } from './report/summary.ts';
import type { LayerResult, VerifyResult } from './types.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { verify, type VerifyOptions } from './verify.ts';

export interface ToMatchClipOptions extends Omit<VerifyOptions, 'onLayer' | 'onProgress'> {
  /** A loaded model, which several tests can share; or a name or path, then it is loaded for this check alone. */
  model: CLIP | string;
  /** For a model that is given by name: a file, a folder of shards, or 'synthetic:SEED'. */
  weights?: string;
}

export interface ToMatchClipLayerOptions extends Omit<ToMatchClipOptions, 'image' | 'map' | 'teacherForced'> {
  /** (N,3,R,R), what the backend was given. */
  image: AnyTensor;
}

interface Outcome {
  pass: boolean;
  message: () => string;
}

/** How many wrong layers a message lists. */
const LISTED = 5;

/**
 * A dump (its path, opened, or its tensors by name) has no wrong layer for the claim.
 * @throws what `verify` throws for a dump that is no trace of the model, so that it is not taken for a negative verdict
 */
async function toMatchClip(
  received: string | Dump | Record<string, AnyTensor>,
  options: ToMatchClipOptions,
): Promise<Outcome> {
  if (options?.model === undefined)
    throw new TypeError(
      'toMatchClip: "model" expected a loaded model or a model\'s name, got nothing; write toMatchClip({ ' +
        "model: 'RN50' })",
    );
  const dump = await dumpOf(received);
  try {
    const result = await withModel(options, (model) => verify(model, dump, options));
    return { pass: result.verdict === 'pass', message: () => message(result, dump.path) };
  } finally {
    if (typeof received === 'string') await dump.close();
  }
}

/** One module's output is right for the claim, with everything before it computed by the oracle. */
async function toMatchClipLayer(received: AnyTensor, name: string, options: ToMatchClipLayerOptions): Promise<Outcome> {
  if (typeof name !== 'string')
    throw new TypeError(
      'toMatchClipLayer: "name" expected a module\'s path such as visual.conv1, got something else; write ' +
        "toMatchClipLayer('visual.conv1', { model, image })",
    );
  if (options?.image === undefined)
    throw new TypeError(
      'toMatchClipLayer: "image" expected the pixels (N, 3, R, R) that the backend was given, got nothing; add ' +
        'image to the options',
    );
  const { image, ...others } = options;
  const dump = memoryDump({ image, [name]: received });
  return toMatchClip(dump, others);
}

async function dumpOf(received: string | Dump | Record<string, AnyTensor>): Promise<Dump> {
  if (typeof received === 'string') return openDump(received);
  if (typeof received !== 'object' || received === null)
    throw new TypeError(
      `toMatchClip: expected a dump's path, an opened dump, or tensors by name, got ` +
        `${received === null ? 'null' : typeof received}`,
    );
  return typeof received.read === 'function' && received.tensors instanceof Map
    ? (received as unknown as Dump)
    : memoryDump(received as Record<string, AnyTensor>);
}

async function withModel(
  options: ToMatchClipOptions,
  check: (model: CLIP) => Promise<VerifyResult>,
): Promise<VerifyResult> {
  if (typeof options.model !== 'string') return check(options.model);
  const { model } = await load(options.model, { weights: options.weights });
  try {
    return await check(model);
  } finally {
    await model.close();
  }
}

function message(result: VerifyResult, path: string): string {
  const { headline, sentences } = summarise(result);
  const wrong = result.layers.filter(({ verdict }) => verdict === 'wrong');
  return [
    `${path} against ${result.model} (${result.weights}), claim ${result.claim}. ${headline}`,
    ...sentences,
    ...result.causes.map(
      ({ name, confidence, explanation }) =>
        `It looks like ${name} (${Math.round(100 * confidence)} %): ${explanation}`,
    ),
    ...(result.notes ?? []),
    ...wrong.slice(0, LISTED).map(line),
    ...(wrong.length > LISTED ? [`  … and ${wrong.length - LISTED} more`] : []),
  ].join('\n');
}

function line({ name, rho, relRms, effectiveBits }: LayerResult): string {
  return (
    `  ${name}: rho ${rho.toPrecision(3)}, relRMS ${relRms.toExponential(2)}, ` +
    `${Math.max(0, effectiveBits).toFixed(1)} of 24 bits right`
  );
}

/** For `expect.extend` where this module's own call does not reach the `expect` in use. */
export const clipMatchers = { toMatchClip, toMatchClipLayer };

expect.extend(clipMatchers);

declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars, @typescript-eslint/no-explicit-any -- as vitest has it
  interface Matchers<T = any> {
    /** A dump (path, opened, or tensors by name) has no wrong layer. Await it. */
    toMatchClip(options: ToMatchClipOptions): Promise<void>;
    /** One module's output is right. Await it. */
    toMatchClipLayer(name: string, options: ToMatchClipLayerOptions): Promise<void>;
  }
}
