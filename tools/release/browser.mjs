// Makes dist/browser: clip-oracle as an ES module for pages without a bundler (and for bundlers, by the "browser"
// condition of package.json), with its worker and parts that are loaded when they are needed beside it. Weights and
// tables stay where they are in the package, fixtures/bundled. From elsewhere come the two decoders in WASM only, when
// a picture needs one: bundlers find them in their packages, pages without one name them in their import map, or do
// without (docs/browser.md).

import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * The worker's URL as it is in dist/browser. `new URL('…', import.meta.url)` is what bundlers look for, so it stays.
 */
const worker = {
  name: 'worker',
  transform(code) {
    const changed = code.replaceAll(
      "new URL('./entry-web.ts', import.meta.url)",
      "new URL('./clip-oracle-worker.js', import.meta.url)",
    );
    return changed === code ? null : { code: changed };
  },
};

// An option for comparisons, 20 kB for a decoder whose pixels are not Pillow's: pages do without.
const JPEG_JS = /^jpeg-js$/;
const withoutJpegJs = {
  name: 'without-jpeg-js',
  resolveId: (id) => (JPEG_JS.test(id) ? '\0jpeg-js' : null),
  load: (id) =>
    id === '\0jpeg-js'
      ? 'export default { decode() { throw new Error("the decoder jpeg-js is not in the bundle for browsers; ' +
        'take auto or typescript"); } };'
      : null,
};

const folder = root('dist/browser');
rmSync(folder, { recursive: true, force: true });
const bundle = await rolldown({
  cwd: root(''),
  input: { 'clip-oracle': root('src/browser/index.ts'), 'clip-oracle-worker': root('workers/entry-web.ts') },
  platform: 'browser',
  resolve: { conditionNames: ['clip-oracle-source', 'browser', 'import', 'module', 'default'] },
  external: [/^@jsquash\//],
  plugins: [withoutJpegJs, worker],
  logLevel: 'warn',
});
// What the page and its threads both need is in one file; each picture format has its own, loaded with the first such
// picture.
await bundle.write({
  dir: folder,
  format: 'esm',
  minify: true,
  sourcemap: false,
  entryFileNames: '[name].js',
  chunkFileNames: 'part-[name].js',
});
await bundle.close();
const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => [name, statSync(join(parentPath, name)).size]);
process.stderr.write(
  `dist/browser: ${sizes.map(([name, size]) => `${name} ${(size / 1e3).toFixed(0)} kB`).join(', ')}; ` +
    `${(sizes.reduce((sum, [, size]) => sum + size, 0) / 1e3).toFixed(0)} kB in all\n`,
);
