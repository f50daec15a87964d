// What a command says when it fails: one sentence on standard error, and the exit code.

import { ArgumentError } from '../features/argument-error.ts';
import { messageOf as plainMessage } from '../formats/error-text.ts';

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

/** The message of anything that was thrown, on one line. An argument's name becomes its option's. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof ArgumentError ? plainMessage(`--${thrown.argument} ${thrown.detail}`) : plainMessage(thrown);
