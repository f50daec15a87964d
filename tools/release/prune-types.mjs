// Before packing: removes the type declarations that no entry point of the package leads to. They could not be
// imported.

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const { exports } = JSON.parse(readFileSync(root('package.json'), 'utf8'));
const entries = JSON.stringify(exports)
  .match(/[^"]+\.d\.ts/g)
  .map(root);

const reached = new Set();
function reach(file) {
  if (reached.has(file)) return;
  if (!existsSync(file)) throw new Error(`${file} is missing; run npm run build`);
  reached.add(file);
  for (const [, to] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/g))
    reach(resolve(dirname(file), to.replace(/\.(?:ts|js)$/, '.d.ts')));
}
for (const entry of entries) reach(entry);

let gone = 0;
for (const folder of ['dist/src', 'dist/workers'].map(root)) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith('.d.ts') || reached.has(resolve(folder, name))) continue;
    rmSync(resolve(folder, name));
    gone += 1;
  }
}
process.stderr.write(`types: ${reached.size} files stay, ${gone} are reached from nowhere\n`);
