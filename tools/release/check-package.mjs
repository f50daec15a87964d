// Proves that the published package works: packs it, installs the tarball into an empty folder, and runs there what a
// user would.
// Also holds it to its size, at most 4 MB unpacked, dependencies apart, and to its supply chain: nothing runs at
// installation, versions are exact, and the bill of materials names what is installed and hashes what is packed.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nameAt, sha512Of } from './sbom.mjs';

// Everything that the package had before its rooms were sorted, and shell completion: 4.0 MB, with room for fixes.
const LIMIT = 4_300_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-package-'));
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 });
const check = (what, holds) => {
  if (!holds) throw new Error(`package check failed: ${what}`);
  console.log(`ok   ${what}`);
};

/** What the installed package says and holds, beside what npm has installed with it. */
function supplyChain(installed, modules, { files }) {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const atInstallation = ['preinstall', 'install', 'postinstall'].filter((name) => name in manifest.scripts);
  check(
    `package.json runs nothing at installation${atInstallation.length > 0 ? `: ${atInstallation.join(', ')}` : ''}`,
    atInstallation.length === 0,
  );
  check(
    'its dependencies have exact versions',
    Object.values(manifest.dependencies).every((version) => /^\d+\.\d+\.\d+$/.test(version)),
  );
  check(
    'it is published in public, with provenance',
    manifest.publishConfig?.access === 'public' && manifest.publishConfig.provenance === true,
  );

  const bill = JSON.parse(readFileSync(join(installed, 'sbom.cdx.json'), 'utf8'));
  const { version, components: data } = bill.metadata.component;
  check(`the bill of materials is of version ${version}`, version === manifest.version);
  const wrong = data.filter(
    ({ name, hashes }) =>
      createHash('sha256')
        .update(readFileSync(join(installed, name)))
        .digest('hex') !== hashes[0].content,
  );
  check(
    'the bundled data has the hashes of the bill of ' +
      `materials${wrong.length > 0 ? `, but not ${wrong.map(({ name }) => name).join(', ')}` : ''}`,
    wrong.length === 0,
  );
  const unnamed = files
    .map(({ path }) => path)
    .filter((path) => /^fixtures\/bundled\/(?!README)/.test(path) && !data.some(({ name }) => name === path));
  check(`all of it is in the bill${unnamed.length > 0 ? `, but not ${unnamed.join(', ')}` : ''}`, unnamed.length === 0);

  // What npm installs here is newer than the lock file where a dependency's own dependency has had a release: that is
  // for a person to look at, not a fault of the package.
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  const inBill = new Map(bill.components.map((one) => [`${one.name}@${one.version}`, one.hashes[0].content]));
  const isMissing = (name) => !bill.components.some((one) => one.name === name);
  const there = Object.entries(packages).filter(
    ([place]) => nameAt(place) !== manifest.name && existsSync(join(modules, '..', place)),
  );
  const missing = there.map(([place]) => nameAt(place)).filter(isMissing);
  check(
    `the bill has all ${there.length} packages that npm ` +
      `installs${missing.length > 0 ? `, but not ${missing.join(', ')}` : ''}`,
    there.length > 10 && missing.length === 0,
  );
  for (const [place, { version: got, integrity }] of there) {
    const key = `${nameAt(place)}@${got}`;
    if (!inBill.has(key))
      console.log(`note ${key} is newer than the bill of materials: run npm update ${nameAt(place)}`);
    else check(`${key} has the hash of the bill of materials`, sha512Of(integrity) === inBill.get(key));
  }
}

try {
  run('npm', ['run', '--silent', 'prepack'], root);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  check(
    `${packed.unpackedSize} bytes unpacked in ${packed.entryCount} files, at most ${LIMIT}`,
    packed.unpackedSize <= LIMIT,
  );
  const stray = packed.files
    .map((file) => file.path)
    .filter(
      (path) =>
        !/^(dist\/(src|workers|browser)\/|fixtures\/bundled\/|schema\/|package\.json|README\.md|LICENSE|CHANGELOG\.md|sbom\.cdx\.json)/.test(
          path,
        ),
    );
  check(
    `nothing in it that does not belong there${stray.length > 0 ? `: ${stray.join(', ')}` : ''}`,
    stray.length === 0,
  );

  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, packed.filename)], folder);
  const installScripts = run(
    'npm',
    ['query', ':attr(scripts, [install]), :attr(scripts, [preinstall]), :attr(scripts, [postinstall])'],
    folder,
  );
  check('no dependency has an install script', JSON.parse(installScripts).length === 0);

  const installed = join(folder, 'node_modules', 'clip-oracle');
  supplyChain(installed, join(folder, 'node_modules'), packed);
  const picture = join(root, 'fixtures/pictures/pizza.jpg');
  const bin = join(folder, 'node_modules', '.bin', 'clip-oracle');
  const answer = JSON.parse(run(bin, ['classify', picture, '--format', 'jsonl'], folder));
  check(`classify names the pizza: ${answer.label}`, answer.label === 'pizza');
  check('--help', run(bin, ['--help'], folder).includes('classify'));
  check('bundled data is there', readdirSync(join(installed, 'fixtures/bundled')).includes('mini-vit.safetensors.gz'));

  writeFileSync(
    join(folder, 'program.mjs'),
    `
    import { availableModels, load } from 'clip-oracle';
    import { conv2d } from 'clip-oracle/ops';
    import { Bottleneck } from 'clip-oracle/layers';
    if (availableModels().length !== 13 || typeof conv2d !== 'function' || typeof Bottleneck !== 'function') throw new Error('exports');
    const { model, preprocess } = await load('mini-vit', { threads: 1 });
    const feature = await model.encodeImage(await preprocess(${JSON.stringify(picture)}));
    await model.close();
    console.log(feature.shape.join());
  `,
  );
  run(bin, ['trace', picture, '--out', 'dump.safetensors', '--quiet'], folder);
  check(
    'verify passes a trace of its own',
    JSON.parse(run(bin, ['verify', 'dump.safetensors', '--json', '--quiet'], folder)).verdict === 'pass',
  );
  check('the library answers', run(process.execPath, ['program.mjs'], folder).trim() === '1,128');

  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'typescript@6.0.3', '@types/node@20'], folder);
  writeFileSync(
    join(folder, 'types.mts'),
    `
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
  `,
  );
  const entries = Object.keys(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).exports)
    .filter((entry) => !/json$/.test(entry))
    .map((entry) => entry.replace(/^\./, 'clip-oracle'));
  writeFileSync(
    join(folder, 'entries.mts'),
    entries.map((entry, n) => `import * as entry${n} from '${entry}';\nvoid entry${n};\n`).join(''),
  );
  for (const [resolution, module] of [
    ['bundler', 'esnext'],
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
  ]) {
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom', '--types', 'node'];
    run(
      join(folder, 'node_modules/.bin/tsc'),
      [...options, '--module', module, '--moduleResolution', resolution, 'types.mts', 'entries.mts'],
      folder,
    );
    check(
      `the types of ${entries.length} entries check in a strict project with module resolution ${resolution}`,
      true,
    );
  }
  // vitest's matcher needs vitest, an optional peer of the reader's own.
  const importable = entries.filter((entry) => entry !== 'clip-oracle/vitest');
  const imports = importable.map((entry) => `await import('${entry}');`).join('\n');
  run(process.execPath, ['--input-type=module', '--eval', imports], folder);
  check(`import of ${importable.join(', ')}`, true);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
