// The pool must never keep a process alive: seen from outside, in processes of their own that run the built package.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { SCHEDULED } from '../support/scheduled.ts';

const at = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

const PREAMBLE = `
import { retain, poolThreads } from ${at('workers/pool.js')};
import { compile } from ${at('src/wasm/machine.js')};
const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
const model = { module: compile([], true), memory, steps: ${JSON.stringify(new URL('./steps.mjs', import.meta.url).href)} };
const program = (steps, id, address) => {
  const text = new TextEncoder().encode(JSON.stringify(steps));
  new Uint8Array(memory.buffer).set(text, address);
  return { id, address, byteLength: text.length };
};
const short = program([{ kind: 'busy', milliseconds: 1 }, { kind: 'busy', milliseconds: 1 }], 1, 1024);
const long = program([{ kind: 'busy', milliseconds: 300 }, { kind: 'busy', milliseconds: 1 }], 2, 2048);
const exit = program([{ kind: 'fault', what: 'exit', part: 1 }, { kind: 'busy', milliseconds: 1 }], 3, 3072);
const share = retain(2, model);
`;

async function run(script: string, ...flags: string[]): Promise<{ code: number; out: string; milliseconds: number }> {
  const start = performance.now();
  // A process that is still alive after 20 seconds is killed, which fails the expectation on the code.
  const { stdout, stderr, code } = await promisify(execFile)(
    process.execPath,
    [...flags, '--input-type=module', '--eval', PREAMBLE + script],
    { timeout: 20_000 },
  ).then(
    (done) => ({ ...done, code: 0 }),
    (error: { stdout: string; stderr: string; code: number | null }) => ({ ...error, code: error.code ?? -1 }),
  );
  return { code, out: stdout + stderr, milliseconds: performance.now() - start };
}

test.for([
  [
    'after the last model has let go',
    'await share.run(short); await share.release(); console.log("end", poolThreads().length);',
    'end 0\n',
  ],
  [
    'with idle threads that nobody closed',
    'await share.run(short); console.log("end", poolThreads().length);',
    'end 2\n',
  ],
  ['with a pool that never started', 'console.log("end", poolThreads().length);', 'end 0\n'],
  [
    'not before a call that nobody awaits has ended',
    'share.run(long).then(() => console.log("computed")); console.log("end");',
    'end\ncomputed\n',
  ],
  [
    'after a thread has died and nobody closed',
    'await share.run(exit).catch(() => console.log("died")); await share.run(short); console.log("end");',
    'died\nend\n',
  ],
  [
    'right after a thread has died',
    'await share.run(exit).catch(() => console.log("died")); console.log("end");',
    'died\nend\n',
  ],
  [
    'after a cancelled call',
    'const c = new AbortController(); setTimeout(() => c.abort("stop"), 100); await share.run(long, { signal: ' +
      'c.signal }).catch(console.log); console.log("end");',
    'stop\nend\n',
  ],
  ['after releasing without awaiting it', 'await share.run(short); share.release(); console.log("end");', 'end\n'],
] as const)('a process ends by itself %s', async ([, script, expected]) => {
  const { code, out, milliseconds } = await run(script);
  expect({ code, out }).toEqual({ code: 0, out: expected });
  expect(milliseconds).toBeLessThan(10_000);
});

test('process.exit in the main thread works with calls running and waiting', SCHEDULED, async () => {
  const { code } = await run('share.run(long); share.run(long); setTimeout(() => process.exit(5), 100);');
  expect(code).toBe(5);
});

test('a thread that runs out of memory fails the call, not the process', SCHEDULED, async () => {
  const script = `
    const fill = program([{ kind: 'fault', what: 'memory', part: 1 }, { kind: 'busy', milliseconds: 1 }], 4, 4096);
    await share.run(short);
    await share.run(fill).catch((error) => console.log(error.message));
    await share.run(short);
    console.log('end');`;
  const { code, out } = await run(script, '--max-old-space-size=48');
  // V8 tells of its last garbage collections on standard error as well.
  expect(out).toMatch(
    /Thread 2 of 2 exited during the computation \(Worker terminated due to reaching memory limit[^]*end\n/,
  );
  expect(code).toBe(0);
});

test('loaders and environment of the process do not reach its threads', async () => {
  const { code, out } = await run(
    'process.env.NODE_OPTIONS = "--require /nowhere.js"; process.env.PISCINA_DISABLE_ATOMICS = "1"; await ' +
      'share.run(short); console.log("end");',
  );
  expect({ code, out }).toEqual({ code: 0, out: 'end\n' });
});
