// The program: the list of its commands.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { packageFile } from '../clip/package-file.ts';
import type { CommandDefinition } from './command.ts';
import { classify } from './commands/classify.ts';
import { completion } from './commands/completion.ts';
import { demo } from './commands/demo.ts';
import { download } from './commands/download.ts';
import { embed } from './commands/embed.ts';
import { golden } from './commands/golden.ts';
import { inspect } from './commands/inspect.ts';
import { models } from './commands/models.ts';
import { search } from './commands/search.ts';
import { tolerances } from './commands/tolerances.ts';
import { trace } from './commands/trace.ts';
import { trainHead } from './commands/train-head.ts';
import { verify } from './commands/verify.ts';
import { zeroShot } from './commands/zero-shot.ts';
import { addCommand, emptyProgram } from './parser.ts';
import { examples } from './terminal/style.ts';

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandDefinition[] = [
  embed,
  classify,
  zeroShot,
  search,
  trainHead,
  trace,
  verify,
  tolerances,
  golden,
  models,
  download,
  inspect,
  demo,
  completion,
];

/** @param exit takes the exit code of the command that ran */
export function makeProgram(exit: (code: number) => void): Command {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  const program = emptyProgram(version)
    .addHelpText(
      'after',
      examples([
        ['clip-oracle demo', 'see it work: no network, no files'],
        ['clip-oracle classify photo.jpg', 'name the emoji in a picture'],
        ['clip-oracle download ViT-L/14', "fetch OpenAI's weights"],
        ['clip-oracle embed photos --model ViT-L/14 --out features.npy', 'features of a folder'],
      ]),
    )
    .addHelpText(
      'after',
      '\nExit code 0: all done; 1: some image failed; 2: the command itself was wrong.\nEnvironment: ' +
        'CLIP_ORACLE_CACHE (folder of downloads), CLIP_ORACLE_BASE_URL, CLIP_ORACLE_THREADS (the most threads by ' +
        'default), CLIP_ORACLE_DEBUG=1 (stack traces), NO_COLOR, FORCE_COLOR.',
    );
  for (const command of COMMANDS) addCommand(program, command, COMMANDS, exit);
  return program;
}
