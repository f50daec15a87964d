// clip-oracle completion: a script that completes commands, options and their values in a shell.

import { argument, defineCommand } from '../command.ts';
import { OK } from '../errors.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion = defineCommand({
  name: 'completion',
  summary: 'print a script that completes commands and options in a shell',
  description: 'Prints a completion script for bash, zsh or fish: commands, options, and the values of options.',
  arguments: [argument('<shell>', 'the shell that reads the script', SHELLS)],
  options: {},
  examples: [
    ['source <(clip-oracle completion bash)', 'in ~/.bashrc'],
    ['source <(clip-oracle completion zsh)', 'in ~/.zshrc, after compinit'],
    ['clip-oracle completion fish > ~/.config/fish/completions/clip-oracle.fish', 'once'],
  ],
  async run([shell], _options, { commands }) {
    const { completionScript } = await import('../completion-scripts.ts');
    const { standardOutput } = await import('../../formats/atomic-file.ts');
    await standardOutput.write(completionScript(shell as (typeof SHELLS)[number], commands));
    return OK;
  },
});
