// Packages of bench/peers, which has a node_modules of its own: nothing here can reach the package, nor be needed to
// build it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packageFile } from '../../src/clip/package-file.ts';

const require = createRequire(packageFile('bench/peers/package.json'));

/** A CommonJS package as `require` gives it, seen as an interface that names only what we call. */
export function requirePeer<T>(name: string): T {
  return require(name) as T;
}

/** The folder of an installed package. */
export function peerFolder(name: string): string {
  return packageFile(`bench/peers/node_modules/${name}`);
}

export function peerVersion(name: string): string {
  return (JSON.parse(readFileSync(`${peerFolder(name)}/package.json`, 'utf8')) as { version: string }).version;
}
