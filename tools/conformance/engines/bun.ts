// Bun: JavaScriptCore outside a browser, with and without the newer instructions.
import { join } from 'node:path';
import { installNpmPackage, npmPackageFolder } from './npm-package.ts';
import { firstLine, programEngine } from './program.ts';
import type { Engine } from './types.ts';

function bun(name: string, packageName: string, env: Record<string, string>, note?: string, slow?: boolean): Engine {
  const specification = `@oven/${packageName}@1.4.5`;
  const binary = (folder: string) => join(npmPackageFolder(folder, specification), 'bin', 'bun');
  const environment = { DO_NOT_TRACK: '1', ...env };
  return programEngine({
    name,
    processor: 'x86-64',
    kind: 'bun',
    note,
    slow,
    install: (folder) => installNpmPackage(folder, specification),
    version: async (folder) =>
      `Bun ${await firstLine({ command: binary(folder), args: ['--version'] })} (JavaScriptCore)`,
    command: (folder, mainFile) => ({
      command: binary(folder),
      args: ['--no-install', 'run', mainFile],
      env: environment,
    }),
  });
}

export const bunEngines: Engine[] = [bun('bun', 'bun-linux-x64', {})];
export const bunTiers: Engine[] = [
  bun(
    'bun-no-dfg',
    'bun-linux-x64',
    { BUN_JSC_useDFGJIT: '0', BUN_JSC_useOMGJIT: '0' },
    'baseline compilers only',
    true,
  ),
  bun('bun-baseline', 'bun-linux-x64-baseline', {}, 'build for processors without AVX'),
];
