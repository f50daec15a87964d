// The comparison as a table, for the terminal and for Markdown.

import Table from 'cli-table3';
import { describeEnvironment } from '../environment.ts';
import { ours, summarise, type Report } from '../report.ts';

const HEAD = [
  'model',
  'threads',
  'batch',
  'engine',
  'load s',
  'first s',
  'start to first feature s',
  'ms per image, min',
  'median',
  'ours / theirs, min',
  'median',
  'peak MB',
  'rel. RMS error',
];

/** Cells in the order of HEAD. */
function cells(report: Report): string[][] {
  const rows = summarise(report.results);
  return rows.map((row) => {
    const own = row.engine === 'clip-oracle' ? undefined : ours(rows, row);
    const ratio = (mine: number | undefined, theirs: number): string =>
      mine === undefined ? '' : (mine / theirs).toFixed(2);
    const perImage = (seconds: number): string => ((seconds / row.batch) * 1000).toFixed(1);
    const name =
      row.engine === 'clip-oracle'
        ? `clip-oracle ${row.executor}${row.weights === 'synthetic' ? ', synthetic:0' : ''}`
        : row.engine;
    return [
      row.model,
      `${row.threads}`,
      `${row.batch}`,
      name,
      row.load.toFixed(2),
      row.first.toFixed(3),
      row.toFirst.toFixed(2),
      perImage(row.fastest),
      perImage(row.typical),
      ratio(own?.fastest, row.fastest),
      ratio(own?.typical, row.typical),
      (row.peak / 1e6).toFixed(0),
      row.error.toExponential(1),
    ];
  });
}

function notes({ machine, packages, failures }: Report): string[] {
  return [
    describeEnvironment(machine),
    packages
      .map(
        ({ name, version, megabytes }) =>
          `${name} ${version} (${megabytes < 10 ? megabytes.toFixed(1) : megabytes.toFixed(0)} MB)`,
      )
      .join(', '),
    ...failures.map((failure) => `no result: ${failure}`),
  ];
}

export function textTable(report: Report): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  table.push(...cells(report));
  return `${notes(report).join('\n')}\n${table.toString()}\n`;
}

export function markdownTable(report: Report): string {
  const line = (row: string[]): string => `| ${row.join(' | ')} |`;
  return [
    ...notes(report).map((note) => `${note}\n`),
    line(HEAD),
    line(HEAD.map(() => '---')),
    ...cells(report).map(line),
    '',
  ].join('\n');
}
