// What a command is: one definition from which its parser, the type of its options, its help, docs/cli.md and shell
// completion are made. parser.ts makes the parser.

/** What an option's value is; shell completion offers files, folders, or the words of `choices`. */
export type Kind = 'flag' | 'text' | 'file' | 'choice';

/** One option. T is the type of its value in `run`. */
export interface OptionSpec<T = unknown> {
  readonly kind: Kind;
  /** As in the help: `-o, --out <file>`. */
  readonly flags: string;
  readonly help: string;
  /** Reads a value. @throws InvalidArgumentError of commander */
  readonly parse?: (value: string, previous: T) => T;
  readonly default?: T;
  /** How the help describes the default, where its value would say too little. */
  readonly shown?: string;
  readonly choices?: readonly string[];
  /** Left out of the help: the command shares a group that has it, but has no use for it. */
  readonly hidden?: boolean;
}

/** Options by the name that `run` knows them by: the long name in camelCase. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- parse makes OptionSpec<T> invariant in T
export type OptionTable = Readonly<Record<string, OptionSpec<any>>>;

/** The values of a table's options. */
export type OptionsOf<Table extends OptionTable> = {
  -readonly [Name in keyof Table]: Table[Name] extends OptionSpec<infer T> ? T : never;
};

/** One argument: `<file>` is required, `[image...]` is optional and may be repeated. */
export interface ArgumentSpec {
  readonly name: string;
  readonly help: string;
  readonly choices?: readonly string[];
}

type ArgumentsOf<Arguments extends readonly ArgumentSpec[]> = {
  -readonly [I in keyof Arguments]: Arguments[I]['name'] extends `${string}...${string}` ? string[] : string;
};

/** What else a command may need of the command line. */
export interface Context {
  /** Whether an option was given on the command line, by its name in the table. */
  given(name: string): boolean;
  /** All commands, in the order of the help. */
  readonly commands: readonly CommandDefinition[];
}

interface Definition<Arguments extends readonly ArgumentSpec[], Table extends OptionTable> {
  readonly name: string;
  /** Its line in the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly arguments: Arguments;
  readonly options: Table;
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** @returns the exit code. What is heavy is imported in here, so that --help stays quick. */
  run(values: ArgumentsOf<Arguments>, options: OptionsOf<Table>, context: Context): Promise<number>;
}

/** A command, whatever its arguments and options are. */
export interface CommandDefinition extends Omit<Definition<readonly ArgumentSpec[], OptionTable>, 'run'> {
  run(values: never, options: never, context: Context): Promise<number>;
}

/** Checks a definition's types and keeps them. */
export const defineCommand = <const Arguments extends readonly ArgumentSpec[], const Table extends OptionTable>(
  definition: Definition<Arguments, Table>,
): CommandDefinition => definition;

/** An argument by its name in the usage. */
export const argument = <const Name extends string>(
  name: Name,
  help: string,
  choices?: readonly string[],
): { name: Name; help: string; choices?: readonly string[] } => ({ name, help, choices });

interface Extra<D> {
  readonly default?: D;
  readonly shown?: string;
}

/** An option without a value. @param value its default where the help says so */
export const flag = (flags: string, help: string, value?: boolean): OptionSpec<boolean | undefined> => ({
  kind: 'flag',
  flags,
  help,
  default: value,
});

/** Any text; undefined if it is not given. */
export const text = (flags: string, help: string): OptionSpec<string | undefined> => ({ kind: 'text', flags, help });

/** The path of a file or folder; undefined if it is not given. */
export const file = (flags: string, help: string): OptionSpec<string | undefined> => ({ kind: 'file', flags, help });

/** A value that `parse` reads. */
export const value = <T, D extends T | undefined = undefined>(
  flags: string,
  help: string,
  parse: (value: string) => T,
  extra: Extra<D> = {},
): OptionSpec<T | D> => ({ kind: 'text', flags, help, parse, ...extra });

/** One of a few words. */
export const choice = <W extends string, D extends W | undefined = undefined>(
  flags: string,
  help: string,
  choices: readonly W[],
  parse: (words: readonly string[]) => (value: string) => string,
  extra: Extra<D> = {},
): OptionSpec<W | D> => ({
  kind: 'choice',
  flags,
  help,
  choices,
  parse: parse(choices) as (value: string) => W,
  ...extra,
});

/** The same table with some options left out of the help. */
export const hiding = <Table extends OptionTable>(table: Table, names: readonly (keyof Table)[]): Table =>
  Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, names.includes(name) ? { ...option, hidden: true } : option]),
  ) as unknown as Table;

/** The long name of an option: `--out`. */
export const longName = ({ flags }: Pick<OptionSpec, 'flags'>): string => /--[\w-]+/.exec(flags)![0];
