// Completion scripts for shells, from the tables of commands. Where an option takes a file, or nothing is known, the
// shell completes names of files.

import { longName, type CommandDefinition, type OptionSpec } from './command.ts';

const visible = ({ options }: CommandDefinition): OptionSpec[] =>
  Object.values(options).filter(({ hidden }) => !hidden);

/** The short and the long name of an option. */
const namesOf = ({ flags }: OptionSpec): string[] => flags.match(/(?<![\w-])--?[A-Za-z][\w-]*/g)!;

/** @param shell bash, zsh or fish */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', commands: readonly CommandDefinition[]): string {
  if (shell === 'fish') return fish(commands);
  // zsh runs the bash function through its own emulation.
  return shell === 'bash' ? bash(commands) : `autoload -Uz bashcompinit && bashcompinit\n${bash(commands)}`;
}

function bash(commands: readonly CommandDefinition[]): string {
  const names = commands.map(({ name }) => name);
  const values = commands.flatMap((command) => [
    ...visible(command)
      .filter(({ choices }) => choices !== undefined)
      .map((option) => {
        const patterns = namesOf(option).map((name) => `${command.name}:${name}`);
        return `    ${patterns.join('|')}) words='${option.choices!.join(' ')}' ;;`;
      }),
    ...visible(command)
      .filter(({ kind, choices }) => kind !== 'flag' && choices === undefined)
      .map(
        (option) =>
          `    ${namesOf(option)
            .map((name) => `${command.name}:${name}`)
            .join('|')}) return ;;`,
      ),
  ]);
  const options = commands.map((command) => {
    const flags = [...visible(command).flatMap(namesOf), '-h', '--help'].join(' ');
    return `      ${command.name}) words='${flags}' ;;`;
  });
  const first = commands
    .filter((command) => command.arguments[0]?.choices !== undefined)
    .map(({ name, arguments: [{ choices }] }) => `      ${name}) words='${choices!.join(' ')}' ;;`);
  return `_clip_oracle() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names.join(' ')} help --help --version' -- "$current"))
    return
  fi
  case "$command:$previous" in
${values.join('\n')}
  esac
  if [ -z "$words" ]; then
    case "$current" in
    -*) case "$command" in
${options.join('\n')}
      esac ;;
    *) case "$command" in
${first.join('\n')}
      help) words='${names.join(' ')}' ;;
      esac ;;
    esac
  fi
  if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -o default -F _clip_oracle clip-oracle
`;
}

function fish(commands: readonly CommandDefinition[]): string {
  const lines = commands.flatMap((command) => {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    return [
      `complete -c clip-oracle -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
      ...command.arguments.flatMap(({ choices }) =>
        choices === undefined ? [] : [`complete -c clip-oracle -n '${seen}' -f -a '${choices.join(' ')}'`],
      ),
      ...visible(command).map((option) => {
        const short = /^-(\w),/.exec(option.flags)?.[1];
        const value =
          option.choices !== undefined ? ` -x -a '${option.choices.join(' ')}'` : option.kind === 'flag' ? '' : ' -r';
        return (
          `complete -c clip-oracle -n '${seen}'${short === undefined ? '' : ` -s ${short}`}` +
          ` -l ${longName(option).slice(2)}${value} -d ${quoted(option.help)}`
        );
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** Text in single quotes, as fish reads it. */
const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
