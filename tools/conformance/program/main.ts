// The conformance program as a file of its own, for any engine. It prints lines: PROGRESS and what was done, at last
// RESULT and one JSON object, or FAILED and why. No top-level await, because SpiderMonkey 78 has none.

import { parseArguments } from './arguments.ts';
import { addTextEncoder, engineFacts, findHost } from './host.ts';
import { runProgram } from './run.ts';
import { bringThreads, serveAsThread } from './threads.ts';

async function main(): Promise<void> {
  addTextEncoder();
  if (await serveAsThread()) return;
  const host = findHost();
  try {
    const options = parseArguments(host.args);
    const workers = await bringThreads(import.meta.url);
    const result = await runProgram(options, workers, (text) => host.print(`PROGRESS ${text}`));
    host.print(`RESULT ${JSON.stringify({ engine: engineFacts(host), ...result })}`);
  } catch (error) {
    host.print(
      'FAILED ' +
        `${error instanceof Error ? `${error.message} ${(error.stack ?? '').replace(/\s+/g, ' ')}` : String(error)}`,
    );
  }
}

void main();
