// Writes docs/cli.md: every command with its arguments, options and examples, from the same tables as the parser.
// node dist/tools/docs/cli.js after a build; a test holds the page up to date.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandDefinition, OptionSpec } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/program.ts';

/** Text in a cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** A paragraph in lines of at most 120 characters. */
const wrapped = (text: string): string =>
  text.split(' ').reduce((lines, word) => {
    const last = lines.length - lines.lastIndexOf('\n') - 1;
    return `${lines}${last + 1 + word.length > 120 ? '\n' : ' '}${word}`;
  });

function defaultOf({ kind, default: value, shown }: OptionSpec): string {
  if (value === undefined || kind === 'flag' || shown === '') return '';
  return ` Default: ${shown ?? String(value)}.`;
}

function optionRow(option: OptionSpec): string {
  const { flags, help, choices } = option;
  const words = choices === undefined ? '' : ` One of ${choices.join(', ')}.`;
  return `| ${code(flags)} | ${cell(`${help}.${words}${defaultOf(option)}`)} |`;
}

function section(command: CommandDefinition): string {
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
    wrapped(cell(command.description)),
    '',
    ...(rows.length === 0 ? [] : ['| argument or option | meaning |', '|---|---|', ...rows, '']),
    'Examples:',
    '',
    ...command.examples.map(([line, what]) => `- ${code(line)}: ${cell(what)}`),
    '',
  ].join('\n');
}

/** The page as it should be. */
export function cliPage(): string {
  return [
    '# Command line',
    '',
    'Every command with its options. This page is generated from the tables of the commands (src/cli/commands/).',
    '',
    '| command | what it does |',
    '|---|---|',
    ...COMMANDS.map(({ name, summary }) => `| [${name}](#${name}) | ${cell(summary)} |`),
    '',
    'Output is JSON Lines on standard output in input order (a table on a terminal); messages go to standard error. Every',
    'float32 is printed so that it reads back to the same float32. Exit code 0: all done; 1: some image failed, or a',
    'verdict is negative; 2: the command itself was wrong; 130: interrupted. Environment: `CLIP_ORACLE_CACHE` (folder of',
    'downloads), `CLIP_ORACLE_BASE_URL`, `CLIP_ORACLE_DEBUG=1` (stack traces), `NO_COLOR`, `FORCE_COLOR`.',
    '',
    ...COMMANDS.map(section),
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL(import.meta.url.endsWith('.js') ? '../../../' : '../../', import.meta.url);
  const page = new URL('docs/cli.md', root);
  let before = '';
  try {
    before = readFileSync(page, 'utf8');
  } catch {
    // The first time there is none.
  }
  if (before !== cliPage()) writeFileSync(page, cliPage());
}
