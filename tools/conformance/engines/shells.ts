// The engines' own shells: no timers, no Node, no page; some without WebAssembly. docs/conformance-engines.md says how
// each takes its arguments.
import { join } from 'node:path';
import { installRoot, needSystem, packageVersion, rootFolder, type Root } from './debian.ts';
import { firstLine, programEngine } from './program.ts';
import type { Engine } from './types.ts';

const JSC_PACKAGE = 'libjavascriptcoregtk-4.0-bin';
function jsc(name: string, flags: string[], note?: string, slow?: boolean): Engine {
  return programEngine({
    name,
    processor: 'x86-64',
    kind: 'shell',
    note,
    slow,
    install: (_folder, options) => needSystem('jsc', [JSC_PACKAGE], options),
    version: async () =>
      [`jsc ${(await packageVersion(JSC_PACKAGE)).split('-')[0]} (JavaScriptCore)`, ...flags].join(' '),
    command: (_folder, mainFile) => ({
      command: 'jsc',
      args: [...flags, '-m', mainFile],
      remedy: `apt-get install ${JSC_PACKAGE}`,
    }),
  });
}

export const jscEngines: Engine[] = [jsc('jsc', [])];
export const jscTiers: Engine[] = [
  jsc('jsc-no-jit', ['--useJIT=false'], 'interpreted, no SIMD', true),
  jsc('jsc-baseline', ['--useDFGJIT=false', '--useOMGJIT=false'], 'baseline compilers only', true),
];

// libmozjs-102-dev carries the shell; only that package is needed, its libraries are on every Debian.
const MOZJS: Root = {
  name: 'mozjs-102',
  release: 'bookworm',
  architecture: 'amd64',
  packages: ['libmozjs-102-dev'],
  dependencies: false,
};
function spidermonkey(name: string, flags: string[], note?: string, slow?: boolean): Engine {
  const binary = (folder: string) => join(rootFolder(folder, MOZJS), 'usr', 'bin', 'js102');
  return programEngine({
    name,
    processor: 'x86-64',
    kind: 'shell',
    note,
    slow,
    install: (folder) => installRoot(folder, MOZJS),
    version: async (folder) =>
      [
        'SpiderMonkey ' +
          `${(await firstLine({ command: binary(folder), args: ['--version'] })).replace(/^JavaScript-C/, '')}`,
        ...flags,
      ].join(' '),
    command: (folder, mainFile) => ({ command: binary(folder), args: [...flags, '-m', mainFile] }),
  });
}

export const spidermonkeyEngines: Engine[] = [spidermonkey('spidermonkey', [], 'the shell js102')];
export const spidermonkeyTiers: Engine[] = [
  spidermonkey('spidermonkey-baseline', ['--no-ion', '--wasm-compiler=baseline'], 'baseline compilers only'),
];

export const gjsEngines: Engine[] = [
  programEngine({
    name: 'gjs',
    processor: 'x86-64',
    kind: 'gjs',
    note: 'no shared memory',
    install: (_folder, options) => needSystem('gjs', ['gjs'], options),
    version: async () => `${await firstLine({ command: 'gjs', args: ['--version'] })} (SpiderMonkey 102)`,
    command: (_folder, mainFile) => ({ command: 'gjs', args: ['-m', mainFile], remedy: 'apt-get install gjs' }),
  }),
];

// Debian 12 has no QuickJS; trixie's needs trixie's libc, which is unpacked beside it and started through its own
// loader.
const QUICKJS: Root = { name: 'quickjs', release: 'trixie', architecture: 'amd64', packages: ['quickjs'] };
const quickjs = (folder: string, args: string[]) => {
  const root = rootFolder(folder, QUICKJS);
  return {
    command: join(root, 'usr/lib64/ld-linux-x86-64.so.2'),
    args: ['--library-path', join(root, 'usr/lib/x86_64-linux-gnu'), join(root, 'usr/bin/qjs'), ...args],
  };
};
export const quickjsEngines: Engine[] = [
  programEngine({
    name: 'quickjs',
    processor: 'x86-64',
    kind: 'quickjs',
    note: 'interpreted, no WebAssembly',
    slow: true,
    install: (folder) => installRoot(folder, QUICKJS),
    // `qjs --help` says the version and ends with code 1.
    version: async (folder) =>
      firstLine(
        {
          command: '/bin/sh',
          args: [
            '-c',
            '"$@" || true',
            'sh',
            ...[quickjs(folder, ['--help'])].flatMap(({ command, args }) => [command, ...args]),
          ],
        },
        /QuickJS[^\n]*?\d{4}-\d\d-\d\d/,
      ).then((line) => line.replace(' version', '')),
    command: (folder, mainFile) => quickjs(folder, ['--stack-size', '16000000', '--module', mainFile]),
  }),
];
