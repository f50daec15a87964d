// An adapter that PEFT 0.21.0 wrote for nn.MultiheadAttention, whose out_proj PEFT counts twice. Truth: PEFT's own
// features, unmerged and merged, in float64 (fixtures/cases).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import { peftWarning } from '../../../src/clip/adapters/peft.ts';
import { load } from '../../../src/clip/load.ts';
import { readTensorInput } from '../../../src/features/tensor-input.ts';
import type { Tensor } from '../../../src/ops/tensor.ts';
import { relRms } from '../../support/golden.ts';

const cases = fileURLToPath(new URL('../../../fixtures/cases/', import.meta.url));
const truth = JSON.parse(readFileSync(`${cases}expected.json`, 'utf8'))[
  'peft_attn on the quick_gelu weights of epoch_3.pt, input16'
] as Record<string, number[][]>;
const peft = (mode: string): Tensor => ndarray(Float64Array.from(truth[`PEFT 0.21.0, ${mode}`].flat()), [2, 16]);

async function featuresOf(
  peftAsIs: boolean | undefined,
  adapterMode: 'merged' | 'unmerged',
): Promise<{ features: Tensor; warnings: readonly string[] }> {
  const { model } = await load(`${cases}epoch_3.pt`, {
    threads: 1,
    precision: 'float64',
    activation: 'quick_gelu',
    adapter: { path: `${cases}peft_attn`, peftAsIs },
    adapterMode,
  });
  try {
    const { x } = await readTensorInput(`${cases}input16.safetensors`, 'float64');
    return { features: await model.encodeImage(x), warnings: model.warnings };
  } finally {
    await model.close();
  }
}

describe.each(['merged', 'unmerged'] as const)('%s', (mode) => {
  test("peftAsIs gives PEFT's features, and nothing is said", async () => {
    const { features, warnings } = await featuresOf(true, mode);
    // Merged weights are rounded to float32 once.
    expect(relRms(features, peft(mode))).toBeLessThan(mode === 'merged' ? 1e-6 : 1e-12);
    expect(warnings).toEqual([]);
  });

  test('without it the change is added once, and a warning names the option', async () => {
    const { features, warnings } = await featuresOf(undefined, mode);
    expect(relRms(features, peft(mode))).toBeGreaterThan(0.1);
    expect(warnings).toEqual([
      `"${cases}peft_attn/adapter_model.safetensors" changes out_proj of nn.MultiheadAttention, a change that PEFT ` +
        '0.21 adds twice, in training and afterwards, merged or not (huggingface/peft#3774). It is added once here, as ' +
        'the file says; for the features that PEFT gives load the adapter with peftAsIs: true (--peft-as-is)',
    ]);
    const said = await featuresOf(false, mode);
    expect(said.warnings).toEqual([]);
    expect(said.features.data).toEqual(features.data);
  });
});

test('only adapters of nn.MultiheadAttention are spoken of', () => {
  const speaks = (module: string): boolean =>
    peftWarning([`base_model.model.${module}.lora_A.weight`], 'file', undefined) !== null;
  expect(speaks('visual.transformer.resblocks.0.attn.base_layer.out_proj')).toBe(true);
  expect(speaks('visual.transformer.resblocks.0.attn')).toBe(false);
  expect(speaks('vision_model.encoder.layers.0.self_attn.out_proj')).toBe(false);
});
