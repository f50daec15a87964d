// An engine that is a program with a module as its argument: Node, Deno, Bun, the shells, each natively or under an emulator.
import { join } from 'node:path';
import { enginesFolder } from './folder.ts';
import { makeRun, type HostKind } from './launch.ts';
import { outputOf, runProcess, type Command } from './run-process.ts';
import type { Engine, InstallOptions } from './types.ts';

export interface ProgramEngine extends Pick<Engine, 'name' | 'processor' | 'note' | 'slow'> {
  kind: HostKind;
  install(folder: string, options: InstallOptions): Promise<unknown>;
  /** The command that runs a module file; without one, that prints the version (or undefined where there is none to print). */
  command(folder: string, mainFile: string): Command;
  version(folder: string): Promise<string>;
  /** Where runs are made: default `runs` in the engines folder; a root's own folder where the engine sees no other. */
  runs?(folder: string): string;
}

/** Makes an Engine of a program. */
export function programEngine(program: ProgramEngine): Engine {
  const { name, processor, note, slow } = program;
  return {
    name, processor, note, slow,
    async install(folder, options = {}) { await program.install(folder, options); },
    async run(bundleFile, args, { folder = enginesFolder(), timeLimit, onProgress } = {}) {
      const run = makeRun(program.runs?.(folder) ?? join(folder, 'runs'), bundleFile, program.kind, args);
      try {
        const version = await program.version(folder);
        const result = await runProcess({ cwd: run.folder, ...program.command(folder, run.main) }, { timeLimit, onProgress });
        return { version, result };
      } finally {
        run.remove();
      }
    },
  };
}

/** What a command prints, in one line; for versions. */
export async function firstLine(command: Command, pattern = /.*/): Promise<string> {
  const text = await outputOf(command, 120);
  return pattern.exec(text)?.[0] ?? text.split('\n')[0];
}
