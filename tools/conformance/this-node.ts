// The engine that runs this command: what `npm run conformance` takes where no other is named.

import { nodeVersion } from './engines/node.ts';
import { programEngine } from './engines/program.ts';

export const thisNode = programEngine({
  name: 'this',
  processor: process.arch === 'x64' ? 'x86-64' : process.arch,
  kind: 'node',
  install: () => Promise.resolve(),
  version: () => nodeVersion({ command: process.execPath, args: [] }),
  command: (_, mainFile) => ({ command: process.execPath, args: [mainFile] }),
});
