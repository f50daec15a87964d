// What a command says when it fails: one sentence on standard error, and the exit code.

/** 0: all done. */
export const OK = 0;
/** Some image failed, or a verdict is negative. */
export const SOME_FAILED = 1;
/** The command itself was wrong: unknown option, unreadable weights. */
export const WRONG = 2;
/** Stopped by Ctrl-C, as shells count it: 128 + SIGINT. */
export const INTERRUPTED = 130;

/** An error whose message is already the whole sentence for the user. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = WRONG) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Control characters of both sets: names in files may hold them, and terminals obey them. */
// eslint-disable-next-line no-control-regex -- that is what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g;

/** Text out of a file for a terminal: control characters are written as \xNN. */
export const printable = (text: string): string =>
  text.replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The message of anything that was thrown, on one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return printable(text.replace(/\s*[\r\n]+\s*/g, ' ').trim());
}
