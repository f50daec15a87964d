// From the definitions of commands to commander's parser, with help and messages.

import { Argument, Command, Option } from 'commander';
import type { CommandDefinition, Context, OptionSpec } from './command.ts';
import { printable } from '../formats/error-text.ts';
import { setLimits, type Limits } from '../formats/limits.ts';
import { examples, styleFor } from './terminal/style.ts';

/** Adds a command to a program. @param exit takes the exit code of the command that ran */
export function addCommand(
  program: Command,
  definition: CommandDefinition,
  commands: Context['commands'],
  exit: (code: number) => void,
): void {
  const command = program
    .command(definition.name)
    .summary(definition.summary)
    .description(definition.description)
    .addHelpText('after', examples(definition.examples));
  for (const { name, help, choices } of definition.arguments) {
    const argument = new Argument(name, help);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of Object.values(definition.options)) command.addOption(optionOf(option));
  const context: Context = { given: (name) => command.getOptionValueSource(name) === 'cli', commands };
  const count = definition.arguments.length;
  command.action(async (...values: unknown[]) => {
    const { limit } = values[count] as { limit?: Partial<Limits> };
    if (limit !== undefined) setLimits(limit);
    exit(await definition.run(values.slice(0, count) as never, values[count] as never, context));
  });
}

function optionOf({ flags, help, parse, default: value, shown, hidden }: OptionSpec): Option {
  const option = new Option(flags, help);
  if (value !== undefined) option.default(value, shown);
  if (parse !== undefined) option.argParser(parse);
  return hidden ? option.hideHelp() : option;
}

/** The program before its commands: options, colours, how mistakes are reported. */
export function emptyProgram(version: string): Command {
  const style = styleFor(process.stdout);
  return new Command('clip-oracle')
    .description("OpenAI's CLIP encoders on the CPU, in TypeScript alone, deterministic to the bit.")
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .exitOverride()
    .configureHelp({
      styleTitle: (text) => style('bold', text),
      styleCommandText: (text) => style('cyan', text),
      styleSubcommandText: (text) => style('cyan', text),
      styleOptionText: (text) => style('green', text),
    })
    .configureOutput({ outputError: (text, write) => write(`clip-oracle: ${printable(oneLine(text))}\n`) });
}

/** commander's message as one line: `error:` goes, its suggestion in brackets stays. */
function oneLine(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .trim();
  return /[.?)]$/.test(line) ? line : `${line}; see clip-oracle --help`;
}
