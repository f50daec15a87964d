// One engine's verdicts on the terminal: what was hashed in rows, paths in columns.

import { judge, pathOf, type Pins, type Verdict } from './pinned.ts';
import { PATHS } from './program/paths.ts';
import type { Result } from './program/run.ts';
import { describe } from './matrix.ts';

const WORDS = { same: 'ok', different: 'DIFFERENT', 'not pinned': 'not pinned' } as const;

export async function table(result: Result, pins: Pins): Promise<string> {
  const Table = (await import('cli-table3')).default;
  const verdicts = judge(result, pins);
  const paths = PATHS.filter(({ name }) => verdicts.some(({ path }) => path.name === name));
  const drawn = new Table({
    head: ['', ...paths.map(({ name }) => name)],
    style: { head: [], border: [], compact: true },
  });
  for (const of of new Set(verdicts.map(({ key }) => pathOf(key).of))) {
    drawn.push([of, ...paths.map(({ name }) => wordOf(verdicts.find(({ key }) => key === `${of} ${name}`)))]);
  }
  const reasons = new Set(Object.values(result.refused));
  const refused = [...reasons].map(
    (reason) =>
      `${Object.entries(result.refused)
        .filter(([, own]) => own === reason)
        .map(([path]) => path)
        .join(', ')}: refused, ${reason}`,
  );
  const wrong = verdicts.filter(({ verdict }) => verdict === 'different').map(describe);
  return [drawn.toString(), ...refused, ...wrong].join('\n');
}

const wordOf = (verdict: Verdict | undefined): string => (verdict === undefined ? '' : WORDS[verdict.verdict]);
