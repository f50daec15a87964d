// Deno: V8 with its own embedder and snapshot.
import { join } from 'node:path';
import { installNpmPackage, npmPackageFolder } from './npm-package.ts';
import { firstLine, programEngine } from './program.ts';
import type { Engine } from './types.ts';

const SPECIFICATION = '@deno/linux-x64-glibc@2.9.6';
const binary = (folder: string) => join(npmPackageFolder(folder, SPECIFICATION), 'deno');
// No update check, no cache in the home folder.
export const denoEnvironment = (folder: string) => ({
  DENO_NO_UPDATE_CHECK: '1',
  DENO_DIR: join(folder, 'deno-cache'),
  NO_COLOR: '1',
});

export const denoEngines: Engine[] = [
  programEngine({
    name: 'deno',
    processor: 'x86-64',
    kind: 'deno',
    install: (folder) => installNpmPackage(folder, SPECIFICATION),
    version: async (folder) =>
      denoVersion(
        await firstLine({ command: binary(folder), args: ['--version'], env: denoEnvironment(folder) }, /[^]*/),
      ),
    command: (folder, mainFile) => ({
      command: binary(folder),
      args: ['run', '-A', '--no-config', '--no-lock', mainFile],
      env: denoEnvironment(folder),
    }),
  }),
];

/** "Deno 2.9.6 (V8 15.0)" of what `deno --version` prints. */
export function denoVersion(text: string): string {
  return `Deno ${/deno (\S+)/.exec(text)?.[1] ?? '?'} (V8 ${/v8 (\d+\.\d+)/.exec(text)?.[1] ?? '?'})`;
}
