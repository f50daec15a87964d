// The types of src take operations that it does not have yet, also with several outputs: the copy with the toys passes
// the type checker with nothing else changed.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copiedSource } from '../support/copied-source.ts';
import { TOYS } from '../support/toy-operations.ts';

const root = new URL('../../', import.meta.url);

test('src with the toys passes the type checker', { timeout: 300_000 }, () => {
  const copy = copiedSource(TOYS);
  try {
    const { compilerOptions } = JSON.parse(readFileSync(new URL('tsconfig.json', root), 'utf8')) as {
      compilerOptions: object;
    };
    writeFileSync(join(copy.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
    const compiler = join(copy.folder, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', copy.folder], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  } finally {
    copy.remove();
  }
});
