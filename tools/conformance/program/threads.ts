// Threads whose file is the program itself: the bundle is one file, whatever the engine, and a worker that loads it
// finds out that it is one. Node, Deno and Bun have workers in a module, browsers as a global. They are given up when
// one fails; for the rest of the library's care see workers/threads-*.ts.

import run from '../../../workers/entry.ts';
import type { Outcome, Task } from '../../../workers/job.ts';
import type { Thread } from '../../../workers/thread-api.ts';
import { setThreads } from '../../../workers/threads.ts';

const WORKER_NAME = 'conformance-thread';

/** node:worker_threads, as far as it is used. */
interface NodeThreads {
  readonly isMainThread: boolean;
  readonly workerData: unknown;
  readonly parentPort: {
    on(event: 'message', listener: (task: Task) => void): void;
    postMessage(outcome: Outcome): void;
  };
  readonly Worker: new (
    url: URL,
    options: { workerData: string },
  ) => {
    on(event: 'message', listener: (outcome: Outcome) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    postMessage(task: Task): void;
    terminate(): unknown;
  };
}

/**
 * Guarded, because engines without Node's modules do not forgive the attempt (gjs aborts). Deno and Bun have this one.
 */
async function nodeThreads(): Promise<NodeThreads | null> {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  if (process?.versions?.node === undefined) return null;
  return (await import('node:worker_threads')) as unknown as NodeThreads;
}

interface Scope {
  name?: string;
  WorkerGlobalScope?: unknown;
  addEventListener(type: 'message', listener: (event: { data: Task }) => void): void;
  postMessage(outcome: Outcome): void;
}

/** Whether this is one of the threads, which then serves its tasks. */
export async function serveAsThread(): Promise<boolean> {
  const scope = globalThis as unknown as Scope;
  if (scope.WorkerGlobalScope !== undefined && scope.name === WORKER_NAME) {
    scope.addEventListener('message', ({ data }) => {
      void run(data).then((outcome) => scope.postMessage(outcome));
    });
    return true;
  }
  const node = await nodeThreads();
  if (node === null || node.isMainThread || node.workerData !== WORKER_NAME) return false;
  node.parentPort.on('message', (task) => {
    void run(task).then((outcome) => node.parentPort.postMessage(outcome));
  });
  return true;
}

interface Started extends Thread {
  post(task: Task): void;
  terminate(): void;
}

type Listeners = { done: (outcome: Outcome) => void; failed: (error: Error) => void };

/**
 * Brings the program's own threads to the library.
 * @param url of the program's file
 * @returns why there can be none, or null
 */
export async function bringThreads(url: string): Promise<string | null> {
  if (typeof SharedArrayBuffer !== 'function') return 'there is no SharedArrayBuffer';
  if (typeof Atomics !== 'object') return 'there is no Atomics';
  const node = await nodeThreads();
  if (node === null && typeof Worker !== 'function') return 'there are no workers';
  const start = (listeners: Listeners): Started =>
    node === null ? startWeb(url, listeners) : startNode(node, url, listeners);
  setThreads((count, onLost) => {
    const waiting = new Map<Started, { resolve: (outcome: Outcome) => void; reject: (error: Error) => void }>();
    const list: Started[] = [];
    for (let i = 0; i < count; i++) {
      const thread = start({
        done: (outcome) => {
          const task = waiting.get(thread);
          waiting.delete(thread);
          task?.resolve(outcome);
        },
        failed: (error) => {
          waiting.get(thread)?.reject(error);
          waiting.delete(thread);
          onLost();
        },
      });
      list.push(thread);
    }
    return Promise.resolve({
      cores: 2,
      list,
      run: (task) =>
        new Promise<Outcome>((resolve, reject) => {
          const idle = list.find((thread) => !waiting.has(thread))!;
          waiting.set(idle, { resolve, reject });
          idle.post(task);
        }),
      destroy: () => {
        for (const thread of list) thread.terminate();
        return Promise.resolve();
      },
    });
  });
  return null;
}

function startNode({ Worker }: NodeThreads, url: string, { done, failed }: Listeners): Started {
  const worker = new Worker(new URL(url), { workerData: WORKER_NAME });
  worker.on('message', done);
  worker.on('error', failed);
  return { post: (task) => worker.postMessage(task), terminate: () => void worker.terminate() };
}

function startWeb(url: string, { done, failed }: Listeners): Started {
  const worker = new Worker(url, { type: 'module', name: WORKER_NAME });
  worker.addEventListener('message', ({ data }: MessageEvent<Outcome>) => done(data));
  worker.addEventListener('error', (event) => failed(new Error(event.message || 'its file could not be loaded')));
  return { post: (task) => worker.postMessage(task), terminate: () => worker.terminate() };
}
