// An engine is a process with children (browsers have many): started as a group of its own, ended as a group.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { findOnPath } from './folder.ts';
import { ResultLines } from './lines.ts';

export interface Command {
  command: string;
  args: string[];
  cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** What to do when the command is not there; the end of the error message. */
  remedy?: string;
}

/**
 * A running group. `ended` gives how, and never rejects; `kill` ends the group at once and may be called at any time.
 */
export interface Group {
  pid: number;
  ended: Promise<string>;
  kill(): void;
}

const living = new Set<Group>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const killAll = () => {
  for (const group of living) group.kill();
};
// A group of its own does not get the terminal's Ctrl-C: it is passed on, and the signal then does what it would have
// done.
const passOn = (signal: NodeJS.Signals) => {
  killAll();
  process.exit(128 + constants.signals[signal]);
};

function remember(group: Group): void {
  if (living.size === 0) {
    process.on('exit', killAll);
    for (const signal of SIGNALS) process.on(signal, passOn);
  }
  living.add(group);
}

function forget(group: Group): void {
  if (!living.delete(group) || living.size > 0) return;
  process.off('exit', killAll);
  for (const signal of SIGNALS) process.off(signal, passOn);
}

/**
 * Starts a command as a process group.
 * Error where the command does not exist, with the remedy.
 */
export function startGroup(
  command: Command,
  onStdout: (text: string) => void,
  onStderr: (text: string) => void,
): Group {
  if (findOnPath(command.command) === undefined) {
    throw new Error(
      `"${command.command}" expected to be installed, it is not there: ` +
        `${command.remedy ?? "run the engine's install first"}`,
    );
  }
  const environment: NodeJS.ProcessEnv = { ...process.env, ...command.env };
  // What belongs to this Node and its package manager would change the engine's: options, a warning's colours, the
  // workers of a test runner.
  for (const name of ['NODE_OPTIONS', 'NODE_PATH', 'FORCE_COLOR', 'NODE_V8_COVERAGE'])
    if (!(name in (command.env ?? {}))) Reflect.deleteProperty(environment, name);
  const child = spawn(command.command, command.args, {
    cwd: command.cwd,
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', onStdout);
  child.stderr.setEncoding('utf8').on('data', onStderr);
  const pid = child.pid ?? 0;
  const group: Group = {
    pid,
    ended: new Promise((resolve) => {
      const end = (how: string) => {
        forget(group);
        resolve(how);
      };
      child.on('error', (error) => end(`could not be started (${error.message})`));
      child.on('close', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    }),
    kill: () => {
      if (pid === 0) return;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        /* It has ended by itself. */
      }
    },
  };
  remember(group);
  return group;
}

export interface ProcessOptions {
  timeLimit?: number;
  onProgress?: (text: string) => void;
  /** Lines that arrive by another way than standard output (a page's), which is then the process's own talk. */
  lines?: ResultLines;
  /** Resolves when `lines` got a result: the process (a browser) does not end by itself. */
  finished?: Promise<void>;
}

/**
 * Runs an engine until it ends, or gives its result, or exceeds the time limit (seconds); in each case the whole group
 * is gone afterwards.
 */
export async function runProcess(
  command: Command,
  { timeLimit = 3600, onProgress, lines: posted, finished }: ProcessOptions = {},
): Promise<object> {
  const lines = posted ?? new ResultLines(onProgress);
  let talk = '';
  const keep = (text: string): void => {
    talk = (talk + text).slice(-20_000);
  };
  const group = startGroup(command, posted === undefined ? (text) => lines.push(text) : keep, keep);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('limit'), timeLimit * 1000);
  });
  const outcome = await Promise.race([group.ended, limit, ...(finished ? [finished.then(() => 'finished')] : [])]);
  clearTimeout(timer);
  group.kill();
  // Until the pipes are read to their end. Not after the limit: a child that left the group may hold them.
  if (outcome !== 'limit') await group.ended;
  lines.end();
  const what = `${command.command.split('/').at(-1)} ${command.args.join(' ')}`.slice(0, 200);
  const said = [...lines.other, talk.trim()].filter(Boolean).join('\n').slice(-2000);
  if (lines.failure !== undefined)
    throw new Error(`${what}: the program failed: ${lines.failure}${said && `\n${said}`}`);
  if (lines.result !== undefined) return lines.result;
  if (outcome === 'limit')
    throw new Error(
      `${what}: expected a result within ${timeLimit} s, ended with its children${said && `; it said:\n${said}`}`,
    );
  throw new Error(
    `${what}: expected a line "RESULT {json}", ended by ${outcome} without${said && `; it said:\n${said}`}`,
  );
}

/** Runs a command to its end and gives its output, trimmed. Error with the output when it fails. */
export async function outputOf(command: Command, timeLimit = 600): Promise<string> {
  let stdout = '';
  let stderr = '';
  const group = startGroup(
    command,
    (text) => {
      stdout += text;
    },
    (text) => {
      stderr += text;
    },
  );
  const timer = setTimeout(() => group.kill(), timeLimit * 1000);
  const how = await group.ended;
  clearTimeout(timer);
  if (how !== 'exit code 0')
    throw new Error(`${command.command} ${command.args.join(' ')}: ${how}\n${(stdout + stderr).trim().slice(-2000)}`);
  return stdout.trim();
}
