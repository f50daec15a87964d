// Adapters as pages give them: files, bytes and URLs change a model exactly as the same adapters do in Node.

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AdapterSource } from '../../src/browser/adapters.ts';
import { load as loadInPage } from '../../src/browser/load.ts';
import { load } from '../../src/clip/load.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { expectSameBits } from '../support/bits.ts';
import { fixture } from '../clip/adapters/support.ts';

const image = syntheticImage(0, 1, 32);
const bytes = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(fixture(name)));
const peft = bytes('peft/adapter_model.safetensors');
const config = bytes('peft/adapter_config.json');
const hints = { alpha: 16, enableLora: [true, false, true] };

afterEach(() => vi.unstubAllGlobals());

/** A server with the folder of a PEFT adapter; what else is asked for is not there. */
function serve(files: Record<string, Uint8Array<ArrayBuffer>>): void {
  vi.stubGlobal('fetch', (url: string) => {
    const file = files[new URL(url).pathname];
    return Promise.resolve(file === undefined ? new Response(null, { status: 404 }) : new Response(file));
  });
}

describe('a page and Node give the same bits and names', () => {
  test.each<[string, AdapterSource, Parameters<typeof load>[1]]>([
    [
      'PEFT, two files',
      { file: new File([peft], 'adapter_model.safetensors'), config: new Blob([config]), name: 'peft' },
      { adapter: fixture('peft') },
    ],
    [
      'PEFT, bytes and an object',
      { file: peft, config: JSON.parse(Buffer.from(config).toString()) as Record<string, unknown>, name: 'peft' },
      { adapter: fixture('peft') },
    ],
    [
      'PEFT, a URL with its configuration beside it',
      'https://example.org/adapters/peft/adapter_model.safetensors?download=true',
      { adapter: fixture('peft') },
    ],
    ['CLIP-LoRA, a file', new File([bytes('clip-lora.pt')], 'clip-lora.pt'), { adapter: fixture('clip-lora.pt') }],
    [
      'loralib, with what its file does not say',
      { file: bytes('loralib.pt').buffer, name: 'loralib', ...hints },
      { adapter: { path: fixture('loralib.pt'), ...hints } },
    ],
  ])('%s', async (_, adapter, inNode) => {
    serve({ '/adapters/peft/adapter_model.safetensors': peft, '/adapters/peft/adapter_config.json': config });
    const page = await loadInPage('tiny-vit', { adapter, threads: 1 });
    const { model } = await load('tiny-vit', { ...inNode, threads: 1 });
    try {
      expect(page.model.adapters).toEqual(model.adapters);
      expectSameBits(await page.model.encodeImage(image), await model.encodeImage(image), 'adapted');
      await Promise.all([page.model.setAdapter(null), model.setAdapter(null)]);
      const base = await model.encodeImage(image);
      expectSameBits(await page.model.encodeImage(image), base, 'base');
    } finally {
      await Promise.all([page.model.close(), model.close()]);
    }
  });

  test('unmerged, and several', async () => {
    const page = await loadInPage('tiny-vit', {
      adapter: [
        { file: peft, config: new Blob([config]), name: 'one' },
        { file: bytes('clip-lora.pt'), name: 'two' },
      ],
      adapterMode: 'unmerged',
      threads: 1,
    });
    try {
      expect(page.model.adapters).toEqual(['one', 'two']);
    } finally {
      await page.model.close();
    }
  });
});

test.each<[string, AdapterSource, RegExp]>([
  [
    'no configuration',
    new File([peft], 'x.safetensors'),
    /^"x\.safetensors" is an adapter in PEFT's layout, which needs/,
  ],
  [
    'a URL without a configuration beside it',
    'https://example.org/alone/adapter_model.safetensors',
    /which needs adapter_config\.json/,
  ],
  ['a URL of nothing', 'https://example.org/none', /answered 404, expected a file/],
  ['a configuration that is none', { file: peft, config: new Blob(['[]']) }, /^"the Blob" expected a JSON object/],
  ['a picture', { file: Uint8Array.of(0x89, 0x50, 0x4e, 0x47) }, /^"the bytes" expected a file of weights, got a PNG/],
  [
    'a number',
    5 as unknown as AdapterSource,
    /^load: "adapter" expected a URL, a Blob, an ArrayBuffer, a Uint8Array, got/,
  ],
  ['a wrong alpha', { file: peft, alpha: NaN }, /"adapter\.alpha" expected a number/],
])('%s is refused in one sentence', async (_, adapter, message) => {
  serve({ '/alone/adapter_model.safetensors': peft });
  await expect(loadInPage('tiny-vit', { adapter, threads: 1 })).rejects.toThrow(message);
});
