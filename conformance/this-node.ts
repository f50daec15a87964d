// The engine that runs this command: what `npm run conformance` takes where no other is named.

import { programEngine } from './engines/program.ts';

const { node, v8 } = process.versions;

export const thisNode = programEngine({
  name: 'this', processor: process.arch === 'x64' ? 'x86-64' : process.arch, kind: 'node',
  install: () => Promise.resolve(),
  version: () => Promise.resolve(`Node ${node} (V8 ${v8.split('.').slice(0, 2).join('.')})`),
  command: (_, mainFile) => ({ command: process.execPath, args: [mainFile] }),
});
