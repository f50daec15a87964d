// An engine that is a program with a module as its argument: Node, Deno, Bun, the shells, each natively or under an
// emulator.
import { join } from 'node:path';
import { enginesFolder } from './folder.ts';
import { makeRun, type HostKind } from './launch.ts';
import { outputOf, runProcess, type Command } from './run-process.ts';
import { described, type Engine, type EngineParts } from './types.ts';

export interface ProgramEngine extends EngineParts {
  kind: HostKind;
  /** The command that runs a module file. */
  command(folder: string, mainFile: string): Command;
  /** Where runs are made: default `runs` in the engines folder; a root's own folder where the engine sees no other. */
  runs?(folder: string): string;
}

/** Makes an Engine of a program. */
export function programEngine(program: ProgramEngine): Engine {
  return {
    ...described(program),
    async run(bundleFile, args, { folder = enginesFolder(), timeLimit, onProgress } = {}) {
      const run = makeRun(program.runs?.(folder) ?? join(folder, 'runs'), bundleFile, program.kind, args);
      try {
        const version = await program.version(folder);
        const result = await runProcess(
          { cwd: run.folder, ...program.command(folder, run.main) },
          { timeLimit, onProgress },
        );
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
