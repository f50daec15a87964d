// The matrix as Markdown: a row for each engine, a column for each path, footnotes for what was refused or left out.

import { readFileSync, writeFileSync } from 'node:fs';
import { judge, type Pins, type Verdict } from './pinned.ts';
import { type PathName } from './program/paths.ts';
import { SWEEP } from './program/arguments.ts';
import { ARTEFACTS } from './program/artefact.ts';
import type { EngineRecord } from './record.ts';

const COLUMNS: readonly { title: string; path: PathName }[] = [
  { title: 'plain', path: 'plain' },
  { title: 'SIMD', path: 'simd' },
  { title: 'SIMD, 2 threads', path: 'simd-2' },
  { title: 'float64 plain', path: 'plain64' },
  { title: 'float64 SIMD', path: 'simd64' },
  { title: 'float64 SIMD, 2 threads', path: 'simd64-2' },
];

const BEGIN = '<!-- conformance -->';
const END = '<!-- /conformance -->';

/** @param order names of engines in the order of the rows; others follow */
export function markdown(records: readonly EngineRecord[], pins: Pins, order: readonly string[] = []): string {
  const notes: string[] = [];
  const place = ({ name }: EngineRecord): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const rows = [...records].sort((a, b) => place(a) - place(b)).map((record) => rowOf(record, pins, notes));
  const lines = [
    `| engine | processor | ${COLUMNS.map(({ title }) => title).join(' | ')} | date |`,
    `|---|---|${COLUMNS.map(() => ':-:|').join('')}---|`,
    ...rows,
    '',
    'A number is how many hashes were computed, all of them equal to the pinned ones; ≠ that one was not; – ' +
      'that the path was refused, nothing that it was not run.',
    ...(notes.length === 0 ? [] : ['', ...notes.map((note, i) => `${superscript(i + 1)} ${note}  `)]),
  ];
  return lines.join('\n').trimEnd();
}

function rowOf(
  { name, processor, note, version, date, result, error }: EngineRecord,
  pins: Pins,
  notes: string[],
): string {
  const mark = (text: string): string => {
    if (!notes.includes(text)) notes.push(text);
    return superscript(notes.indexOf(text) + 1);
  };
  const title = `${version ?? name}${note === null ? '' : ` (${note})`}`;
  if (result === null)
    return (
      `| ${title} | ${processor} | ${COLUMNS.map(() => '').join(' | ')} | ${date} ` +
      `${mark(`could not be run: ${brief(error ?? 'no reason given')}`)} |`
    );
  const verdicts = judge(result, pins);
  const cells = COLUMNS.map(({ path }) => {
    const refused = result.refused[path];
    if (refused !== undefined) return `–${mark(`refused: ${brief(refused)}`)}`;
    const own = verdicts.filter((verdict) => verdict.path.name === path);
    if (own.length === 0) return '';
    const wrong = own.filter(({ verdict }) => verdict === 'different');
    if (wrong.length > 0) return `**≠**${mark(describe(wrong[0]))}`;
    const absent = ARTEFACTS.filter((model) => !(`${model} ${path}` in result.hashes));
    return `${own.filter(({ verdict }) => verdict === 'same').length}${absent.length === 0 ? '' : mark(`without ${absent.join(', ')}`)}`;
  });
  const sweep =
    result.options.sweep === SWEEP || result.options.sweep === 0
      ? ''
      : ` ${mark(`sweeps take every ${result.options.sweep}th pattern, not every ${SWEEP}th`)}`;
  return `| ${title} | ${processor} | ${cells.join(' | ')} | ${date}${sweep} |`;
}

/** A difference in words. */
export function describe({ key, first, count }: Verdict): string {
  return `${key} differs${first === null ? '' : `, first in ${first} (${count} part${count === 1 ? '' : 's'})`}`;
}

/** Engines' messages may have many lines. */
const brief = (message: string): string => {
  const line = message
    .replace(/[\s|<>]+/g, ' ')
    .replace(/ ?\(evaluating '.*$/, '')
    .trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
};

const superscript = (n: number): string => [...String(n)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');

/** Puts the matrix between the two comments of a file. @throws Error where they are missing */
export function insertMatrix(file: string, matrix: string): void {
  const text = readFileSync(file, 'utf8');
  // Lines of their own: a page may also speak about the marks.
  const [begin, end] = [BEGIN, END].map((mark) => text.search(new RegExp(`^${mark}$`, 'm')));
  if (begin < 0 || end < begin)
    throw new Error(`"${file}" expected the lines ${BEGIN} and ${END}, between which the matrix goes; add them`);
  writeFileSync(file, `${text.slice(0, begin + BEGIN.length)}\n${matrix}\n${text.slice(end)}`);
}
