// docs/cli.md is what the commands' tables say.

import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/program.ts';
import { read } from './support/pages.ts';

const { cliPage } = (await import(new URL('../../tools/docs/cli.mjs', import.meta.url).href)) as {
  cliPage(commands: typeof COMMANDS): string;
};

test('the page is up to date', () => {
  expect(cliPage(COMMANDS) === read('docs/cli.md'), 'docs/cli.md is not what src/cli says: run npm run docs').toBe(
    true,
  );
});

test('every command has its section, every shown option its row', () => {
  const page = cliPage(COMMANDS);
  for (const { name, options } of COMMANDS) {
    const section = page.split(`\n## ${name}\n`)[1].split('\n## ')[0];
    const shown = Object.values(options).filter(({ hidden }) => !hidden);
    for (const { flags } of shown) expect(section, name).toContain(`| \`${flags}\` |`);
    expect(section.match(/^\| `-/gm)?.length ?? 0, name).toBe(shown.length);
  }
});
