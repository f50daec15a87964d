// On what it was measured.

import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { packageFile } from '../src/clip/package-file.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGB: number;
  platform: string;
  /** Of the measuring processes. */
  node: string;
  date: string;
}

export function machine(node: string): Machine {
  return {
    cpu: cpus()[0].model, cores: cpus().length, memoryGB: Math.round(totalmem() / 2 ** 30), platform: `${process.platform} ${process.arch}`,
    node, date: new Date().toISOString().slice(0, 10),
  };
}

export function describeMachine({ cpu, cores, memoryGB, platform, node, date }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGB} GB, ${platform}, Node ${node}, ${date}`;
}

export function ownPackage(): { version: string } {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
}
