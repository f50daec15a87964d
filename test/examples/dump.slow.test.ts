// The snippets of docs/dumping-traces.md, each run as it stands: dump, then verify. `npm run test:slow -- dump`.
// Needs the graphs in ../shared/peers (CLIP_ORACLE_SHARED names the folder) and the npm registry, once; the PyTorch one
// a python3 that has torch.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installPeers } from '../../bench/peers/install.ts';
import { writeWeights, type WeightFiles } from '../../bench/peers/weights.ts';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { MODELS } from '../../src/clip/models.ts';
import { packageFile } from '../../src/clip/package-file.ts';
import { moduleShapes } from '../../src/oracle/module-shapes.ts';
import type { VerifyResult } from '../../src/oracle/types.ts';
import { needs, pythonWith } from '../support/needs.ts';

const shared = process.env.CLIP_ORACLE_SHARED ?? packageFile('../shared');
const GRAPHS = needs(
  'graphs',
  existsSync(join(shared, 'peers')),
  `put ONNX graphs in ${shared}/peers or name another folder in CLIP_ORACLE_SHARED`,
);
const PYTHON = pythonWith('torch');
needs('pytorch', PYTHON !== undefined, 'install it (Debian: apt-get install python3-torch)');

// The snippets lie in a folder of their own, with the peers as its node_modules, as they would in other people's
// projects.
const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-snippets-'));
const weights = new Map<string, WeightFiles>();

const node = (script: string, ...rest: string[]): string =>
  execFileSync(process.execPath, [script, ...rest], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
const stem = (model: string): string => model.replace('/', '-');

/** @returns the command's answer and its exit code */
function verify(dump: string, model: string, ...rest: string[]): VerifyResult & { code: number | null } {
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      packageFile('dist/src/cli/main.js'),
      'verify',
      join(folder, dump),
      '--model',
      model,
      '--weights',
      'synthetic:0',
      '--json',
      '--quiet',
      ...rest,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 },
  );
  return { ...(JSON.parse(stdout) as VerifyResult), code: status };
}

/** All modules but those that do nothing and have no node in a graph: a ResNet's pooling by 1. */
function modulesOf(model: string): string[] {
  return [...moduleShapes(MODELS.find(({ name }) => name === model)!).keys()].filter(
    (name) => !/^visual\.layer\d\.([1-9]\d*\.avgpool|.*downsample\.-1)$|^visual\.layer1\.0\.avgpool$/.test(name),
  );
}

function expectAllRight(result: VerifyResult & { code: number | null }, model: string): void {
  expect(result.layers.filter(({ verdict }) => verdict === 'wrong').map(({ name }) => name)).toEqual([]);
  expect(result).toMatchObject({ verdict: 'pass', firstWrong: null, unknown: [], code: 0 });
  const compared = new Set(result.layers.map(({ name }) => name));
  expect(modulesOf(model).filter((name) => !compared.has(name))).toEqual([]);
}

beforeAll(() => {
  for (const file of readdirSync(packageFile('examples/dump')))
    copyFileSync(packageFile(`examples/dump/${file}`), join(folder, file));
  const { data } = syntheticImage(0, 1, 224);
  writeFileSync(join(folder, 'image.f32'), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (!GRAPHS) return;
  installPeers();
  symlinkSync(packageFile('bench/peers/node_modules'), join(folder, 'node_modules'), 'junction');
  for (const model of ['RN50', 'ViT-B/32']) weights.set(model, writeWeights(model, folder, shared));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!GRAPHS).each(['RN50', 'ViT-B/32'])('%s', (model) => {
  const name = stem(model);

  test('onnxruntime-node: every layer passes, and the report is written', () => {
    node('onnxruntime-node.mjs', `${name}.onnx`, 'image.f32', `${name}.node.safetensors`);
    expectAllRight(verify(`${name}.node.safetensors`, model, '--html', join(folder, `${name}.html`)), model);
    expect(readFileSync(join(folder, `${name}.html`), 'utf8')).toMatch(/^<!doctype html>[^]*<\/html>\n$/);
  });

  test('onnxruntime-web: every layer passes', () => {
    writeFileSync(
      join(folder, 'web.mjs'),
      `
      import { readFileSync, writeFileSync } from 'node:fs';
      import * as ort from 'onnxruntime-web';
      import { traceOnnxruntimeWeb } from './onnxruntime-web.mjs';
      ort.env.wasm.numThreads = 1;
      const pixels = new Float32Array(new Uint8Array(readFileSync('image.f32')).buffer);
      const externalData = [{ path: '${name}.weights', data: readFileSync('${name}.weights') }];
      const parts = await traceOnnxruntimeWeb(ort, readFileSync('${name}.onnx'), pixels, { executionProviders: ['wasm'], externalData });
      writeFileSync('${name}.web.safetensors', Buffer.concat(parts));`,
    );
    node('web.mjs');
    expectAllRight(verify(`${name}.web.safetensors`, model), model);
  });

  test('transformers.js: every layer passes', () => {
    const onnx = join('hub', name, 'onnx');
    mkdirSync(join(folder, onnx), { recursive: true });
    writeFileSync(join(folder, 'hub', name, 'config.json'), '{"model_type":"clip"}');
    copyFileSync(weights.get(model)!.onnx, join(folder, onnx, 'vision_model.onnx'));
    // onnxruntime follows no symbolic link out of the folder
    linkSync(weights.get(model)!.weights, join(folder, onnx, `${name}.weights`));
    node('expose-outputs.mjs', join(onnx, 'vision_model.onnx'), join(onnx, 'vision_model_traced.onnx'));
    node('transformers-js.mjs', 'hub', name, 'image.f32', `${name}.transformers.safetensors`);
    expectAllRight(verify(`${name}.transformers.safetensors`, model), model);
  });

  test("the graph's own names and a mapping file: all that has a value of its own passes", () => {
    node('expose-outputs.mjs', `${name}.onnx`, `${name}.traced.onnx`, `${name}.names.json`);
    writeFileSync(
      join(folder, 'raw.mjs'),
      `
      import { readFileSync, writeFileSync } from 'node:fs';
      import ort from 'onnxruntime-node';
      import { safetensors } from './safetensors.mjs';
      const session = await ort.InferenceSession.create('${name}.traced.onnx');
      const image = new ort.Tensor('float32', new Float32Array(new Uint8Array(readFileSync('image.f32')).buffer), [1, 3, 224, 224]);
      writeFileSync('${name}.raw.safetensors', Buffer.concat(safetensors({ image, ...await session.run({ image }) })));`,
    );
    node('raw.mjs');
    const result = verify(`${name}.raw.safetensors`, model, '--map', join(folder, `${name}.names.json`));
    expect(result).toMatchObject({ verdict: 'pass', unknown: [], code: 0 });
    const values = Object.keys(JSON.parse(readFileSync(join(folder, `${name}.names.json`), 'utf8')) as object);
    expect(result.layers.length).toBe(values.length);
    expect(result.layers.at(-1)!.name).toBe('visual');
  });

  test('a fault planted into a dump is found at its place', () => {
    const wrong = model === 'RN50' ? 'visual.layer2.1.bn2' : 'visual.transformer.resblocks.5.mlp.c_fc';
    const file = readFileSync(join(folder, `${name}.node.safetensors`));
    const length = Number(file.readBigUInt64LE(0));
    const [begin, end] = (
      JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: [number, number] }>
    )[wrong].data_offsets;
    for (let at = 8 + length + begin; at < 8 + length + end; at += 4)
      file.writeFloatLE(file.readFloatLE(at) * 1.001, at);
    writeFileSync(join(folder, 'wrong.safetensors'), file);
    expect(verify('wrong.safetensors', model, '--no-causes')).toMatchObject({
      verdict: 'fail',
      firstWrong: wrong,
      code: 1,
    });
  });
});

describe.skipIf(PYTHON === undefined)('PyTorch', () => {
  const python = (code: string): string =>
    execFileSync(PYTHON!, ['-c', code], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: packageFile('tools/pytorch') },
    });

  test.each(['tiny-rn', 'tiny-vit', 'ViT-B/32'])('%s: every layer passes', (model) => {
    python(`
import clip_torch
from backend import Backend, give_backend
from pytorch import dump_trace
root = clip_torch.build('${model}')
clip_torch.fill_synthetic(root, 0)
give_backend(root, Backend())
dump_trace(root, clip_torch.synthetic_image(0, 1, clip_torch.MODELS['${model}'][1]), '${stem(model)}.npz')`);
    const result = verify(`${stem(model)}.npz`, model);
    expect(result).toMatchObject({ verdict: 'pass', unknown: [], missing: [], code: 0 });
  });

  test('a ReLU in place does not reach back into what was dumped before it, and of attention the output is taken', () => {
    const seen = python(`
import numpy as np, torch
from pytorch import dump_trace
class Tower(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bn, self.relu, self.attn = torch.nn.BatchNorm1d(4), torch.nn.ReLU(inplace=True), torch.nn.MultiheadAttention(4, 2)
    def forward(self, x):
        x = self.relu(self.bn(x))
        return self.attn(x[None], x[None], x[None], need_weights=False)[0]
root = torch.nn.Module()
root.visual = Tower().eval()
dump_trace(root, torch.tensor([[-1., 2., -3., 4.]]).half().float(), 'small.npz')
dump = np.load('small.npz')
print(sorted(dump.files), (dump['visual.bn'] < 0).sum(), (dump['visual.relu'] < 0).sum(), dump['visual.attn'].shape, len(root.visual._forward_hooks))`);
    expect(seen.trim()).toBe("['image', 'visual', 'visual.attn', 'visual.bn', 'visual.relu'] 2 0 (1, 1, 4) 0");
  });
});
