// docs/cli.md is what the commands' tables say.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cliPage } from '../../../tools/docs/cli.ts';

test('docs/cli.md is up to date: node dist/tools/docs/cli.js after npm run build writes it', () => {
  expect(readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')).toBe(cliPage());
});
