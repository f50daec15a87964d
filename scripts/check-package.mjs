// Proves that the published package works: packs it, installs the tarball into an empty folder, and runs there what a user would.
// Also holds it to its size: at most 4 MB unpacked, dependencies apart.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT = 4_000_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-package-'));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 });
const check = (what, holds) => {
  if (!holds) throw new Error(`package check failed: ${what}`);
  console.log(`ok   ${what}`);
};

try {
  run('npm', ['run', '--silent', 'prepack'], root);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  check(`${packed.unpackedSize} bytes unpacked in ${packed.entryCount} files, at most ${LIMIT}`, packed.unpackedSize <= LIMIT);
  const stray = packed.files.map((file) => file.path).filter((path) => !/^(dist\/(src|workers)\/|fixtures\/bundled\/|schema\/|package\.json|README\.md|LICENSE|CHANGELOG\.md)/.test(path));
  check(`nothing in it that does not belong there${stray.length > 0 ? `: ${stray.join(', ')}` : ''}`, stray.length === 0);

  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, packed.filename)], folder);
  const installScripts = run('npm', ['query', ':attr(scripts, [install]), :attr(scripts, [preinstall]), :attr(scripts, [postinstall])'], folder);
  check('no dependency has an install script', JSON.parse(installScripts).length === 0);

  const installed = join(folder, 'node_modules', 'clip-oracle');
  const picture = join(root, 'fixtures/pictures/pizza.jpg');
  const bin = join(folder, 'node_modules', '.bin', 'clip-oracle');
  const answer = JSON.parse(run(bin, ['classify', picture, '--format', 'jsonl'], folder));
  check(`classify names the pizza: ${answer.label}`, answer.label === 'pizza');
  check('--help', run(bin, ['--help'], folder).includes('classify'));
  check('bundled data is there', readdirSync(join(installed, 'fixtures/bundled')).includes('mini-vit.safetensors.gz'));

  writeFileSync(join(folder, 'program.mjs'), `
    import { availableModels, load } from 'clip-oracle';
    import { conv2d } from 'clip-oracle/ops';
    import { Bottleneck } from 'clip-oracle/layers';
    if (availableModels().length !== 13 || typeof conv2d !== 'function' || typeof Bottleneck !== 'function') throw new Error('exports');
    const { model, preprocess } = await load('mini-vit', { threads: 1 });
    const feature = await model.encodeImage(await preprocess(${JSON.stringify(picture)}));
    await model.close();
    console.log(feature.shape.join());
  `);
  run(bin, ['trace', picture, '--out', 'dump.safetensors', '--quiet'], folder);
  check('verify passes a trace of its own', JSON.parse(run(bin, ['verify', 'dump.safetensors', '--json', '--quiet'], folder)).verdict === 'pass');
  check('the library answers', run(process.execPath, ['program.mjs'], folder).trim() === '1,128');

  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'typescript@6.0.3', '@types/node@20'], folder);
  writeFileSync(join(folder, 'types.mts'), `
    import { load, CLIPModel, type Tensor } from 'clip-oracle';
    import { softmax } from 'clip-oracle/ops';
    import { VisionTransformer } from 'clip-oracle/layers';
    import { openDump, verify, type VerifyResult } from 'clip-oracle/oracle';
    export const verdict = async (path: string): Promise<VerifyResult['verdict']> => {
      const { model } = await load('tiny-vit');
      return (await verify(model, await openDump(path))).verdict;
    };
    export async function typed(x: Tensor): Promise<Tensor> {
      const { model } = await load('mini-vit');
      const head = await CLIPModel.load('mini-vit', { numClasses: 2 });
      void VisionTransformer;
      return softmax(await head.forward(await model.encodeImage(x)));
    }
  `);
  run(join(folder, 'node_modules/.bin/tsc'), ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', 'types.mts'], folder);
  check('the shipped types check in a strict project', true);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
