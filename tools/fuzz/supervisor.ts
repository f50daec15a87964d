// Keeps a child at work on one target: starts it, ends it when it hangs or takes too much memory, starts it again where
// it was, and makes what was found small.

import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CURRENT_HEADER, type ChildJob, type Finding, type Progress, type Report } from './protocol.ts';
import { minimise } from './minimise.ts';
import { keyOf } from './judge.ts';

export interface Found {
  readonly kind: Finding['kind'];
  readonly message: string;
  readonly bytes: Buffer;
}

export interface FuzzJob {
  /** child.js of the counting copy. */
  readonly child: string;
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
  readonly until: number;
  readonly work: string;
  readonly inputs: readonly Buffer[];
  /** Ends with the first finding, which is not made small. */
  readonly first: boolean;
  onProgress(progress: Progress): void;
  onFinding(finding: { kind: string; message: string }): void;
}

/** A run that takes longer hangs. */
const HANG_MS = 2000;
/**
 * Resident memory of a child that is too much, whatever the target's limit: the engine's own and 1 GB of heap are
 * below.
 */
const MAX_RESIDENT = 1.6e9;
const TICK_MS = 200;
/** A target that fails this often has been looked at enough. */
const MAX_ENDS = 12;

const NOTHING: Progress = { runs: 0, edges: 0, ofEdges: 0, queue: 0, slowestMs: 0, largestBytes: 0 };

/** How a child ended. */
interface End {
  readonly done: boolean;
  readonly finding: Finding | null;
  readonly progress: Progress;
  readonly reached: number;
}

/** Runs all of a target's runs, over as many children as it takes. */
export async function fuzzTarget(job: FuzzJob): Promise<{ progress: Progress; findings: Found[]; kept: Buffer[] }> {
  const { child, target, seed, runs, until, work } = job;
  const found = new Map<string, Finding>(),
    kept: string[] = [];
  let total = NOTHING;
  for (let ends = 0; total.runs < runs && ends < (job.first ? 1 : MAX_ENDS) && Date.now() < until;) {
    const before = total;
    const end = await runChild(
      child,
      {
        target,
        seed: seed + ends,
        runs: runs - before.runs,
        until,
        current: join(work, `${target}.current`),
        inputs: [...job.inputs.map((bytes) => bytes.toString('base64')), ...kept],
      },
      {
        onKept: (input) => {
          kept.push(input);
        },
        onProgress: (progress) => {
          job.onProgress(sum(before, progress));
        },
        onFinding: (finding) => {
          note(finding);
        },
      },
    );
    total = sum(before, { ...end.progress, runs: Math.max(end.progress.runs, end.reached) });
    if (end.done) break;
    ends++;
    if (end.finding !== null) {
      // A busy machine can stop a process for two seconds: a hang counts if it is one again.
      const again =
        end.finding.kind === 'hang' ? await runChild(child, only(target, work, [end.finding.input]), {}) : null;
      if (again === null || again.finding?.kind === 'hang') note(end.finding);
    }
  }
  const findings: Found[] = [];
  for (const finding of found.values())
    findings.push(
      job.first
        ? { ...finding, bytes: Buffer.from(finding.input, 'base64') }
        : await small(child, target, work, finding),
    );
  return { progress: total, findings, kept: kept.map((input) => Buffer.from(input, 'base64')) };

  function note(finding: Finding): void {
    const key = keyOf(finding);
    if (found.has(key)) return;
    found.set(key, finding);
    job.onFinding(finding);
  }
}

const only = (target: string, work: string, inputs: string[]): ChildJob => ({
  target,
  seed: 0,
  runs: Infinity,
  until: Infinity,
  current: join(work, `${target}.current`),
  inputs: ['', ...inputs],
  only: true,
});

/** The finding with a smaller input that shows the same. */
async function small(child: string, target: string, work: string, finding: Finding): Promise<Found> {
  const bytes = Buffer.from(finding.input, 'base64');
  let best: Buffer = bytes;
  if (finding.kind === 'hang' || finding.kind === 'crash') {
    // Each try costs a process.
    const shows = async (candidate: Buffer): Promise<boolean> =>
      (await runChild(child, only(target, work, [candidate.toString('base64')]), {})).finding?.kind === finding.kind;
    best = await minimise(bytes, shows, 8);
  } else {
    await runChild(
      child,
      { ...only(target, work, []), only: false, inputs: [finding.input], minimise: keyOf(finding) },
      {
        onKept: (input) => {
          best = Buffer.from(input, 'base64');
        },
      },
    );
  }
  return { kind: finding.kind, message: finding.message, bytes: best };
}

interface Listeners {
  onKept?(input: string): void;
  onProgress?(progress: Progress): void;
  onFinding?(finding: Finding): void;
}

/** JSON has no Infinity. */
const finite = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER);

function runChild(path: string, job: ChildJob, { onKept, onProgress, onFinding }: Listeners): Promise<End> {
  return new Promise((resolve) => {
    const child = fork(
      path,
      [JSON.stringify({ ...job, runs: finite(job.runs), until: finite(job.until), inputs: undefined })],
      { execArgv: ['--max-old-space-size=1024'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    );
    let progress = NOTHING,
      isDone = false,
      finding: Finding | null = null,
      complaint = '';
    let run = -1,
      since = Date.now(),
      isWorking = false;
    child.send(job.inputs ?? []);
    child.stderr!.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-2000);
    });
    child.on('message', (message: Report) => {
      isWorking = true;
      if (message.type === 'finding') onFinding?.(message.finding);
      else if (message.type === 'kept') onKept?.(message.input);
      else {
        progress = message.progress;
        onProgress?.(progress);
        if (message.type === 'done') isDone = true;
      }
    });
    const kill = (kind: Finding['kind'], text: string): void => {
      finding ??= { kind, message: text, input: currentInput(job.current).input };
      child.kill('SIGKILL');
    };
    const ticker = setInterval(() => {
      const current = currentInput(job.current);
      if (current.run !== run || current.run === 0) {
        run = current.run;
        since = Date.now();
      } else if (!isDone && Date.now() - since > (isWorking || current.run > 1 ? HANG_MS : 10 * HANG_MS))
        kill('hang', `no answer after ${HANG_MS} ms`);
      if (resident(child) > MAX_RESIDENT) kill('allocation', `more than ${MAX_RESIDENT / 1e6} MB of resident memory`);
    }, TICK_MS);
    child.on('close', (code, signal) => {
      clearInterval(ticker);
      const current = currentInput(job.current);
      if (!isDone && finding === null)
        finding = {
          kind: 'crash',
          message: `the process ended (${signal ?? `exit code ${code}`})${lastWords(complaint)}`,
          input: current.input,
        };
      rmSync(job.current, { force: true });
      resolve({ done: isDone, finding, progress, reached: current.run });
    });
  });
}

const lastWords = (text: string): string => {
  const line = text.split('\n').find((one) => /FATAL|Error|abort/i.test(one));
  return line === undefined ? '' : `: ${line.slice(0, 160)}`;
};

/** The number and the bytes of the input at work; number 0 before the first. */
function currentInput(path: string): { run: number; input: string } {
  try {
    const bytes = readFileSync(path);
    if (bytes.length < CURRENT_HEADER) return { run: 0, input: '' };
    return {
      run: bytes.readUInt32LE(0),
      input: bytes.subarray(CURRENT_HEADER, CURRENT_HEADER + bytes.readUInt32LE(4)).toString('base64'),
    };
  } catch {
    return { run: 0, input: '' };
  }
}

function resident(child: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${child.pid}/statm`, 'latin1').split(' ')[1]) * 4096;
  } catch {
    return 0; // no Linux: the heap's own limit remains
  }
}

function sum(before: Progress, now: Progress): Progress {
  return {
    runs: before.runs + now.runs,
    edges: Math.max(before.edges, now.edges),
    ofEdges: Math.max(before.ofEdges, now.ofEdges),
    queue: Math.max(before.queue, now.queue),
    slowestMs: Math.max(before.slowestMs, now.slowestMs),
    largestBytes: Math.max(before.largestBytes, now.largestBytes),
  };
}
