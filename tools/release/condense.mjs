// Before packing: takes comments and white space out of the compiled JavaScript and shortens the names of locals, which
// halves it. Functions and classes keep their names, so that stack traces can be read; the types keep their comments,
// for editors. The commented sources are in the repository. Usage: node tools/release/condense.mjs FOLDER…

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minify } from 'terser';

let before = 0,
  after = 0;
for (const folder of process.argv.slice(2)) {
  for (const file of readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, name))) {
    const source = readFileSync(file, 'utf8');
    const { code } = await minify(source, {
      module: true,
      compress: { keep_fnames: true, keep_classnames: true, inline: false, reduce_funcs: false, ecma: 2020 },
      mangle: { keep_fnames: true, keep_classnames: true },
      format: { comments: false, semicolons: false, ecma: 2020 },
    });
    writeFileSync(file, `${code}\n`);
    before += source.length;
    after += code.length + 1;
  }
}
process.stderr.write(`condensed: ${(before / 1e3).toFixed(0)} kB -> ${(after / 1e3).toFixed(0)} kB\n`);
