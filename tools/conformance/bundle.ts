// Builds the program into one file that any engine runs.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';

/**
 * The program brings threads of its own (program/threads.ts); the library's would pull in files that a bundle of one
 * file cannot have.
 */
const withoutThreads: Plugin = {
  name: 'without-threads',
  resolveId: (id) => (id === '#host/threads' ? '\0no-threads' : null),
  load: (id) =>
    id === '\0no-threads'
      ? 'export function start() { throw new Error("the conformance program brings its own threads"); }'
      : null,
};

/**
 * @param root the project's folder
 * @param folder where the bundle is put, alone
 * @returns the file
 */
export async function bundle(root: string, folder: string): Promise<string> {
  const build = await rolldown({
    input: join(root, 'tools/conformance/program/main.ts'),
    platform: 'neutral',
    plugins: [withoutThreads],
    transform: { target: 'es2020' },
    external: /^node:/,
    resolve: { mainFields: ['module', 'main'], conditionNames: ['clip-oracle-source', 'import', 'default'] },
    tsconfig: false,
  });
  try {
    const { output } = await build.generate({ format: 'esm', codeSplitting: false, minify: false });
    if (output.length !== 1)
      throw new Error(
        `the conformance program: expected one file, got ${output.map(({ fileName }) => fileName).join(', ')}`,
      );
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'bundle.mjs');
    writeFileSync(file, output[0].code);
    return file;
  } finally {
    await build.close();
  }
}
