// The threads of this host: `#host/threads` (package.json, "imports") is threads-node.ts in Node, Deno and Bun,
// threads-web.ts in bundles for browsers. It is imported when the first program is computed, so that other engines
// never see an import of Node's modules (gjs aborts). A host with other threads calls setThreads.

import type { StartThreads } from './thread-api.ts';

let current: Promise<StartThreads> | undefined;

/** The threads of this host, unless others were set. */
export function startThreads(): Promise<StartThreads> {
  return (current ??= import('#host/threads').then(({ start }) => start));
}

/** Replaces the threads, for hosts that have neither Node's nor a browser's. */
export function setThreads(own: StartThreads): void {
  current = Promise.resolve(own);
}
