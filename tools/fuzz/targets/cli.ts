// The command line: arguments through the real program and its readers of options, up to where a command would begin to
// work.

import { CommanderError, type Command } from 'commander';
import type { ModelChanges } from '../../../src/cli/options.ts';
import { loadedChanges } from '../../../src/cli/with-model.ts';
import { makeProgram } from '../../../src/cli/program.ts';
import { textOf, utf8 } from '../mutate/bytes.ts';
import { argv } from '../mutate/argv.ts';
import { havoc } from '../mutate/havoc.ts';
import { MB, type Target } from './target.ts';

function silenced(written: string[]): Command {
  const program = makeProgram(() => undefined);
  for (const command of [program, ...program.commands]) {
    const { outputError } = command.configureOutput();
    command.exitOverride().configureOutput({
      writeOut: () => undefined,
      writeErr: (text) => {
        written.push(text);
      },
      outputError,
    });
    if (command !== program)
      command.action((...args: unknown[]) => {
        loadedChanges(
          args.find((arg) => typeof arg === 'object' && arg !== null && !Array.isArray(arg)) as ModelChanges,
        );
      });
  }
  return program;
}

export const CLI_TARGETS: readonly Target[] = [
  {
    name: 'command-line',
    sources: [
      'cli/program',
      'cli/options',
      'cli/suggest',
      'cli/command',
      'cli/parser',
      'cli/values',
      'cli/with-model',
      'cli/terminal/style',
    ],
    mutators: [argv, argv, havoc],
    weight: 0.25,
    limit: (size) => MB + 256 * size,
    seeds: () =>
      [
        'classify\0photo.jpg',
        'embed\0a\0--model\0ViT-B/32\0--out\0f.npy\0--batch\0' + '8',
        'verify\0dump.npz\0--claims\0float16\0--html\0r.html',
        'tolerances\0--claims\0float16,bfloat16',
        'golden\0--seed\0' + '4294967295',
        'zero-shot\0a.jpg\0--prompt\0a cat\0a dog',
        'search\0x\0f.npy\0--top\0' + '3',
        'train-head\0p\0--out\0h.pth',
        'download\0RN50\0--retries\0' + '2',
        'embed\0x\0--adapter\0y\0--adapter-parts\0q,v\0--adapter-alpha\0-1.5',
        'clasify\0--hlep',
      ].map(utf8),
    async run(input) {
      const written: string[] = [];
      try {
        await silenced(written).parseAsync(textOf(input).split('\0'), { from: 'user' });
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        // commander has written the sentence.
        if (error.exitCode !== 0 && !/^commander\.(help|version)/.test(error.code))
          throw new Error(written.join('').replace(/\n$/, '') || error.message, { cause: error });
      }
    },
  },
];
