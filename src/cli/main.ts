#!/usr/bin/env node
// The command `clip-oracle`. Nothing heavy is imported before a command needs it, so --help is quick.

import { CommanderError } from 'commander';
import { CommandError, messageOf, OK, WRONG } from './errors.ts';
import { writeReason } from '../formats/errno.ts';
import { tidyUpOnExit } from './interrupt.ts';
import { makeProgram } from './program.ts';

// The reader of a pipe may close it early (| head), which is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(OK);
  fail(new CommandError(`standard output cannot be written: ${writeReason(error.code)}`));
});
// Messages that cannot be written do not stop the work.
process.stderr.on('error', () => undefined);

function fail(error: unknown): never {
  const message = messageOf(error);
  // The message is the engine's, which names no remedy.
  const remedy =
    error instanceof RangeError && /out of memory|allocat/i.test(message)
      ? '; there is too little memory: raise the limit of the process (ulimit -v), or take smaller batches and ' +
        'fewer threads'
      : '';
  if (process.env.CLIP_ORACLE_DEBUG) console.error(error);
  else process.stderr.write(`clip-oracle: ${message}${remedy}\n`);
  process.exit(error instanceof CommandError ? error.exitCode : WRONG);
}

process.on('uncaughtException', fail);
// Warnings as our messages look, instead of Node's lines with process numbers.
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => {
  process.stderr.write(`clip-oracle: ${name === 'ClipOracleWarning' ? 'warning' : name}: ${message}\n`);
});
tidyUpOnExit();

if (process.argv.includes('--no-color')) process.env.NO_COLOR = '1';

try {
  await makeProgram((code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (error) {
  // commander has written its own sentence; 1 is its code for every mistake, 2 ours.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? OK : WRONG;
  else fail(error);
}
