// The test of the test: a parser with one bug of each kind behind a few conditions. The fuzzer has to find each, and
// nothing where there is none.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Row {
  target: string;
  runs: number;
  edges: number;
  findings: { kind: string; message: string }[];
}

const RUNS = 8000;
const PLANTED: Readonly<Record<string, RegExp>> = {
  hang: /^hang no answer after 2000 ms/,
  silence: /^hang no answer after 2000 ms/,
  crash: /^crash the process ended \(SIG/,
  exit: /^crash the process ended \(exit code 3\)/,
  allocation: /^allocation \d+ bytes of binary memory for an input of \d+, the limit is/,
  heap: /^(allocation (the heap grew|more than)|crash|hang)/,
  error: /^error an internal error: offset/,
  thrown: /^error threw string/,
  write: /^write outside of its folder: /,
  rejection: /^rejection an unhandled rejection/,
};

describe('planted bugs', () => {
  const out = mkdtempSync(join(tmpdir(), 'clip-oracle-test-'));
  const rows = new Map<string, Row>();
  let exitCode: number | string | null | undefined;

  beforeAll(async () => {
    const kinds = Object.keys(PLANTED);
    const targets = [...kinds.map((kind) => `planted-${kind}`), 'merges'].flatMap((name) => ['--target', name]);
    const text = await new Promise<string>((resolve) => {
      const child = execFile(
        process.execPath,
        [
          'dist/tools/fuzz/main.js',
          '--runs',
          String(RUNS * (kinds.length + 1)),
          '--json',
          '--first',
          '--out',
          out,
          ...targets,
        ],
        { cwd: fileURLToPath(new URL('../../..', import.meta.url)), maxBuffer: 1 << 24 },
        (_, stdout) => {
          exitCode = child.exitCode;
          resolve(stdout);
        },
      );
    });
    for (const row of (JSON.parse(text) as { rows: Row[] }).rows) rows.set(row.target, row);
  }, 300_000);
  afterAll(() => {
    rmSync(out, { recursive: true, force: true });
    rmSync(join(tmpdir(), 'clip-oracle-fuzz-planted'), { force: true }); // what the planted writer wrote
  });

  test.each(Object.keys(PLANTED))(`%s is found within ${RUNS} runs`, (kind) => {
    const { runs, findings } = rows.get(`planted-${kind}`)!;
    expect(findings.map((finding) => `${finding.kind} ${finding.message}`)).toContainEqual(
      expect.stringMatching(PLANTED[kind]),
    );
    expect(runs).toBeLessThanOrEqual(1.1 * RUNS); // shares are by weight
    expect(
      existsSync(join(out, `planted-${kind}`)) && readdirSync(join(out, `planted-${kind}`)).length,
    ).toBeGreaterThan(0);
  });

  test('nothing is found where nothing is', () => {
    expect(rows.get('merges')!.findings).toEqual([]);
    expect(rows.get('merges')!.edges).toBeGreaterThan(50);
  });

  test('findings make the exit code 1', () => {
    expect(exitCode).toBe(1);
  });
});
