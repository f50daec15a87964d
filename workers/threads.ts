// Chooses the threads of this engine: threads-node.ts in Node (Deno, Bun), threads-web.ts elsewhere, imported when the
// first program is computed. A host with other threads calls setThreads.

import type { StartThreads } from './thread-api.ts';

let current: Promise<StartThreads> | undefined;

/** Node and engines with its modules: others must not even see an import of these (gjs aborts). */
const inNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;

/** The threads of this engine, unless others were set. */
export function startThreads(): Promise<StartThreads> {
  return (current ??= (inNode ? import('./threads-node.ts') : import('./threads-web.ts')).then(({ start }) => start));
}

/** Replaces the threads, for hosts that have neither Node's nor a browser's. */
export function setThreads(own: StartThreads): void {
  current = Promise.resolve(own);
}
