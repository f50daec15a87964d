// The tables of commands: names, groups, and the completion scripts that are made from them.

import { execFileSync } from 'node:child_process';
import { Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { hiding } from '../../src/cli/command.ts';
import { completionScript } from '../../src/cli/completion-scripts.ts';
import { imageOptions } from '../../src/cli/options.ts';
import { COMMANDS } from '../../src/cli/program.ts';

test.each(COMMANDS)('$name: an option is known to run by the name that commander gives it', ({ options }) => {
  for (const [name, { flags }] of Object.entries(options)) expect(new Option(flags).attributeName()).toBe(name);
});

test.each(COMMANDS)('$name: no two options share a name', ({ options }) => {
  const names = Object.values(options).flatMap(({ flags }) => flags.match(/(?<![\w-])--?[A-Za-z][\w-]*/g)!);
  expect(new Set(names).size).toBe(names.length);
});

test('hiding leaves the other options and their order as they are', () => {
  const some = hiding(imageOptions, ['batch']);
  expect(Object.keys(some)).toEqual(Object.keys(imageOptions));
  expect(Object.values(some).filter(({ hidden }) => hidden)).toEqual([{ ...imageOptions.batch, hidden: true }]);
});

describe('completion', () => {
  /** What bash offers for a line whose last word is being typed. */
  function offered(...words: string[]): string[] {
    const line = words.map((word) => `'${word}'`).join(' ');
    const script =
      `${completionScript('bash', COMMANDS)}\nCOMP_WORDS=(clip-oracle ${line}); COMP_CWORD=${words.length}; ` +
      '_clip_oracle; printf "%s\\n" "${COMPREPLY[@]}"';
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
  }
  const hasBash = process.platform !== 'win32';

  test.skipIf(!hasBash)('bash: commands, options, values', () => {
    expect(offered('emb')).toEqual(['embed']);
    expect(offered('embed', '--pre')).toEqual(['--precision']);
    expect(offered('embed', '--precision', '')).toEqual(['float32', 'float64']);
    expect(offered('embed', '-p', 'open')).toEqual(['openai']);
    expect(offered('completion', 'f')).toEqual(['fish']);
    expect(offered('embed', '--out', '-')).toEqual([]);
  });

  test.skipIf(!hasBash)('bash: hidden options are not offered', () => {
    expect(offered('trace', '--norm')).toEqual([]);
    expect(offered('embed', '--norm')).toEqual(['--normalize']);
  });

  test('zsh has the same function behind bashcompinit', () => {
    expect(completionScript('zsh', COMMANDS)).toBe(
      `autoload -Uz bashcompinit && bashcompinit\n${completionScript('bash', COMMANDS)}`,
    );
  });

  test('fish: a line per command and per option, quoted', () => {
    const script = completionScript('fish', COMMANDS);
    for (const { name, options } of COMMANDS) {
      expect(script).toContain(`-n __fish_use_subcommand -f -a ${name} -d '`);
      const shown = Object.values(options).filter(({ hidden }) => !hidden).length;
      const lines = script.split('\n').filter((line) => line.includes(`from ${name}'`) && line.includes(' -l '));
      expect(lines.length, name).toBe(shown);
    }
    expect(script).toContain("-l precision -x -a 'float32 float64'");
    expect(script).toContain("the classes\\' names");
  });
});
