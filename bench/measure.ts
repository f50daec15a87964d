// Runs one measurement in a fresh process, under this Node or another one.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Measurement, Result } from './measurement.ts';
import type { TextMeasurement, TextResult } from './text/child.ts';
import type { KernelMeasurement, KernelResult } from './kernels-child.ts';

const run = promisify(execFile);

/** @throws Error with the child's last words if it failed, was wrong, or took longer than an hour */
export async function measure(measurement: Measurement, node: string): Promise<Result> {
  return (await inChild('child.js', measurement, node, `${measurement.engine}, ${measurement.model}`)) as Result;
}

/** @throws Error as `measure` does */
export async function measureKernels(measurement: KernelMeasurement, node: string): Promise<KernelResult> {
  return (await inChild('kernels-child.js', measurement, node, `products of ${measurement.model}`)) as KernelResult;
}

/** @throws Error as `measure` does */
export async function measureText(measurement: TextMeasurement, node: string): Promise<TextResult> {
  return (await inChild('text/child.js', measurement, node, `${measurement.engine}, texts`)) as TextResult;
}

async function inChild(script: string, argument: unknown, node: string, what: string): Promise<unknown> {
  try {
    const { stdout } = await run(node, [fileURLToPath(new URL(script, import.meta.url)), JSON.stringify(argument)], {
      maxBuffer: 1 << 24,
      timeout: 3_600_000,
    });
    return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1));
  } catch (error) {
    const { stderr, signal } = error as { stderr?: string; signal?: string | null };
    const said = (stderr ?? '').split('\n').find((line) => /^\w*Error\b/.test(line));
    throw new Error(`${what}: ${said ?? (signal ? `ended by ${signal}` : String(error))}`, { cause: error });
  }
}

export const minimum = (values: readonly number[]): number => Math.min(...values);

/** The middle one; the lower of two. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
