// Puts the peers into bench/peers/node_modules, exactly as its package-lock.json says, and another Node beside them if
// asked for.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { packageFile } from '../../src/clip/package-file.ts';

/** Node 24 as an npm package holds nothing but the binary. */
const NODE_24 = '24.9.0';

/** No install script runs: onnxruntime-node's would download GPU libraries; its CPU binary is in the package. */
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

function npm(...command: string[]): void {
  execFileSync('npm', [...command, ...FLAGS], {
    cwd: packageFile('bench/peers'),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
}

export function installPeers(): void {
  const { dependencies } = JSON.parse(readFileSync(packageFile('bench/peers/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  if (
    Object.keys(dependencies).every((name) => existsSync(packageFile(`bench/peers/node_modules/${name}/package.json`)))
  )
    return;
  process.stderr.write('installing the peers into bench/peers/node_modules (800 MB) …\n');
  npm('ci');
}

/** The path of the Node 24 binary. @throws Error where npm has none for this platform */
export function installNode24(): string {
  const binary = packageFile('bench/peers/node_modules/node24/bin/node');
  if (!existsSync(binary)) {
    process.stderr.write(`installing Node ${NODE_24} into bench/peers/node_modules …\n`);
    npm('install', '--no-save', `node24@npm:node-${process.platform}-${process.arch}@${NODE_24}`);
  }
  return binary;
}
