// What a measurement was made on.

import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { packageFile } from '../src/clip/package-file.ts';

export interface Environment {
  cpu: string;
  cores: number;
  memoryGB: number;
  platform: string;
  /** Of the measuring processes. */
  node: string;
  date: string;
  /** What else ran when the measurements began: the average number of busy threads in the minute before. */
  load: number;
}

export function environment(node: string): Environment {
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node,
    date: new Date().toISOString().slice(0, 10),
    load: loadavg()[0],
  };
}

export function describeEnvironment({ cpu, cores, memoryGB, platform, node, date, load }: Environment): string {
  return (
    `${cpu}, ${cores} cores, ${memoryGB} GB, ${platform}, Node ${node}, ` +
    `${date}${load > 0.5 ? ` (busy: load average ${load.toFixed(1)})` : ''}`
  );
}

export function ownPackage(): { version: string } {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
}
