// How many threads a model computes on.

import type { Architecture } from './architecture.ts';
import { multiplyAdds } from './sizes.ts';

/** What a host offers. */
export interface HostThreads {
  /** Threads for who does not say how many. */
  readonly byDefault: number;
  /** How many run at the same time: more only wait for each other. */
  readonly most: number;
}

/**
 * Multiply-adds of an image that are worth a thread: at ten thousand million a second 0.4 ms, beside which the barriers
 * after some fifty steps (a few microseconds each) are small. A thread costs 11 MB, and 30 ms to start.
 */
const WORTH_A_THREAD = 4e6;

/** @param asked by the caller, if it did ask */
export function threadsFor(architecture: Architecture, asked?: number, host?: HostThreads): number | undefined {
  if (host === undefined) return asked;
  return Math.min(host.most, asked ?? Math.min(host.byDefault, Math.ceil(workOf(architecture) / WORTH_A_THREAD)));
}

/** Multiply-adds of an image; without an image tower those of the linear layers for one text of full length. */
function workOf(architecture: Architecture): number {
  const { vision, text } = architecture;
  if (vision !== null || text === null) return multiplyAdds(architecture);
  return text.layers * text.context * text.width * (4 * text.width + 2 * text.mlp);
}
