// Writes docs/cli.md: every command with its arguments, options and examples, from the same tables as the parser.
// `npm run docs` after a build; the test of the page imports `cliPage`.

import { writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { wrap } from './wrap.mjs';

/** Text in a cell of a table. */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const code = (text) => `\`${text.replaceAll('|', '\\|')}\``;

function defaultOf({ kind, default: value, shown }) {
  if (value === undefined || kind === 'flag' || shown === '') return '';
  return ` Default: ${shown ?? String(value)}.`;
}

function optionRow(option) {
  const { flags, help, choices } = option;
  const words = choices === undefined ? '' : ` One of ${choices.join(', ')}.`;
  return `| ${code(flags)} | ${cell(`${help}.${words}${defaultOf(option)}`)} |`;
}

function section(command) {
  const usage = ['clip-oracle', command.name, '[options]', ...command.arguments.map(({ name }) => name)].join(' ');
  const options = Object.values(command.options).filter(({ hidden }) => !hidden);
  const rows = [
    ...command.arguments.map(({ name, help }) => `| ${code(name)} | ${cell(`${help}.`)} |`),
    ...options.map(optionRow),
  ];
  return [
    `## ${command.name}`,
    '',
    `    ${usage}`,
    '',
    cell(command.description),
    '',
    ...(rows.length === 0 ? [] : ['| argument or option | meaning |', '|---|---|', ...rows, '']),
    'Examples:',
    '',
    '```sh',
    ...command.examples.map(([line, what]) => `# ${what}\n${line}`),
    '```',
    '',
  ].join('\n');
}

/** @param commands the list of src/cli/program.ts @returns {string} docs/cli.md as it should be */
export function cliPage(commands) {
  const page = [
    '# Command line',
    '',
    'Every command with its options. This page is generated from the tables of the commands (src/cli/commands/).',
    '',
    '| command | what it does |',
    '|---|---|',
    ...commands.map(({ name, summary }) => `| [${name}](#${name}) | ${cell(summary)} |`),
    '',
    'Output is JSON Lines on standard output in input order (a table on a terminal); messages go to standard error. Every',
    'float32 is printed so that it reads back to the same float32. Exit code 0: all done; 1: some image failed, or a',
    'verdict is negative; 2: the command itself was wrong; 130: interrupted. Environment: `CLIP_ORACLE_CACHE` (folder of',
    'downloads), `CLIP_ORACLE_BASE_URL`, `CLIP_ORACLE_DEBUG=1` (stack traces), `NO_COLOR`, `FORCE_COLOR`.',
    '',
    ...commands.map(section),
  ].join('\n');
  return wrap(page.replace(/\n+$/, '\n'));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { COMMANDS } = await import('../../dist/src/cli/program.js');
  writeFileSync(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), cliPage(COMMANDS));
}
