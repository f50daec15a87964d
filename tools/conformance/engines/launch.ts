// Every engine starts the same two modules in a folder of its own: one that says what the host is, and the program.
// Arguments come by a module, since shells disagree about where they are (process.argv, scriptArgs, arguments, nowhere)
// and pages have none.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type HostKind = 'node' | 'deno' | 'bun' | 'browser' | 'shell' | 'quickjs' | 'gjs';

// gjs sends console.log to stderr with a prefix, and shells have no console: print comes first there. A page's print
// opens a dialogue: it posts instead.
const PRINTS: Record<HostKind, string> = {
  node: 'console.log(line)',
  deno: 'console.log(line)',
  bun: 'console.log(line)',
  shell: 'globalThis.print(line)',
  gjs: 'globalThis.print(line); if (/^(RESULT|FAILED)/.test(line)) finish()',
  quickjs: "std.out.puts(line + '\\n'); std.out.flush()", // Its print keeps lines back when they go to a pipe.
  browser: 'post(line)',
};

// Synchronous, so that a line is on its way before the next hour of arithmetic, and lines keep their order.
const POST = `
const post = (line) => {
  const request = new XMLHttpRequest();
  request.open('POST', '/result', false);
  request.send(line);
};
addEventListener('error', (event) => post('FAILED ' + event.message + ' ' + (event.filename ?? '') + ':' + event.lineno));
addEventListener('unhandledrejection', (event) => post('FAILED ' + String(event.reason && event.reason.stack || event.reason).replace(/\\n/g, ' ')));
`;

const BEFORE: Partial<Record<HostKind, string>> = {
  browser: POST,
  quickjs: "import * as std from 'std';\n",
  // gjs 1.74 drops a timer's callback that comes due while its garbage collector sweeps, and code that awaits it waits
  // for ever. What yields by setImmediate where there is one gets one that needs no timer.
  gjs:
    'globalThis.setImmediate = (callback) => { void Promise.resolve().then(callback); };\nlet ' +
    'finish;\nglobalThis.conformanceFinished = new Promise((resolve) => { finish = resolve; });\n',
};

/** A last module that is evaluated: gjs ends when the modules have been, whatever is still awaited. */
const AFTER: Partial<Record<HostKind, string>> = { gjs: 'await globalThis.conformanceFinished;\n' };

/** The module that is evaluated before the program. */
export function hostModule(kind: HostKind, args: string[]): string {
  return `${BEFORE[kind] ?? ''}globalThis.conformanceHost = {
  kind: ${JSON.stringify(kind === 'quickjs' || kind === 'gjs' ? 'shell' : kind)},
  args: ${JSON.stringify(args)},
  print: (line) => { ${PRINTS[kind]}; },
};
`;
}

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>clip-oracle conformance</title>
<link rel="icon" href="data:,">
<script type="module" src="main.mjs" onerror="fetch('/result', { method: 'POST', body: 'FAILED main.mjs could not be loaded' })"></script>
`;

/** Writes a run's folder under `parent` (removed by `remove`): main.mjs starts the program; pages open index.html. */
export function makeRun(
  parent: string,
  bundleFile: string,
  kind: HostKind,
  args: string[],
): { folder: string; main: string; remove: () => void } {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'run-'));
  cpSync(dirname(bundleFile), folder, { recursive: true });
  cpSync(bundleFile, join(folder, 'bundle.mjs'));
  writeFileSync(join(folder, 'host.mjs'), hostModule(kind, args));
  const after = AFTER[kind];
  if (after !== undefined) writeFileSync(join(folder, 'after.mjs'), after);
  writeFileSync(
    join(folder, 'main.mjs'),
    ['host', 'bundle', ...(after === undefined ? [] : ['after'])].map((name) => `import './${name}.mjs';\n`).join(''),
  );
  if (kind === 'browser') writeFileSync(join(folder, 'index.html'), PAGE);
  return { folder, main: join(folder, 'main.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
