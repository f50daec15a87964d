// The error of an argument that a caller can correct.

/**
 * A wrong argument, by its name: `"labels" expected …`. The command line says `--labels expected …` instead, so that
 * the same sentence names the option.
 */
export class ArgumentError extends Error {
  readonly argument: string;
  /** The sentence without its subject. */
  readonly detail: string;

  constructor(argument: string, detail: string, options?: ErrorOptions) {
    super(`"${argument}" ${detail}`, options);
    this.argument = argument;
    this.detail = detail;
  }
}
