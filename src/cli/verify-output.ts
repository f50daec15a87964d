// How the answer of `verify` looks: a JSON object, or a table with the first wrong layer marked and what it looks like.

import type { LayerResult, VerifyResult } from '../oracle/types.ts';
import { summarise } from '../oracle/report/summary.ts';
import { styleFor, type Style } from './terminal/style.ts';

/** One object on one line. JSON has no infinity: where the backend has a NaN, rho and the errors are null. */
export function resultJson(result: VerifyResult): string {
  return `${JSON.stringify(result)}\n`;
}

const COLUMNS: readonly [title: string, width: number, cell: (layer: LayerResult) => string][] = [
  ['bits', 6, ({ effectiveBits }) => (Number.isFinite(effectiveBits) ? effectiveBits.toFixed(1) : '-')],
  ['rho', 9, ({ rho }) => number(rho)],
  ['relRMS', 10, ({ relRms }) => scientific(relRms)],
  ['max abs', 10, ({ maxAbs }) => scientific(maxAbs)],
  ['equal', 8, ({ equalBits }) => `${equalBits === 1 ? '100' : (100 * equalBits).toFixed(1)} %`],
];

/**
 * @param path the dump
 * @param stream where it is shown, for colours
 */
export function resultTable(result: VerifyResult, path: string, stream: NodeJS.WriteStream): string {
  const style = styleFor(stream);
  const width = result.layers.reduce((most, { name }) => Math.max(most, name.length), 20);
  const head = `  ${'layer'.padEnd(width)}${COLUMNS.map(([title, columns]) => title.padStart(columns)).join('')}  verdict`;
  const rows = result.layers.map((layer) => row(layer, layer.name === result.firstWrong, width, style));
  return [
    style(
      'bold',
      `${path} beside ${result.model} (${result.weights}), claim ` +
        `${result.claim}${result.teacherForced ? ", each layer on the backend's own inputs" : ''}`,
    ),
    '',
    style('bold', head),
    ...rows,
    '',
    ...summary(result, style),
    '',
  ].join('\n');
}

function row(layer: LayerResult, isFirst: boolean, width: number, style: Style): string {
  const { verdict, worst, nonFinite, ownRho, shape, storedShape } = layer;
  const color = verdict === 'pass' ? 'green' : verdict === 'plausible' ? 'yellow' : 'red';
  const cells = COLUMNS.map(([, columns, cell]) => cell(layer).padStart(columns)).join('');
  const remarks = [
    ...(isFirst ? ['first wrong'] : []),
    ...(storedShape === undefined ? [] : [`shape (${storedShape.join(', ')}) instead of (${shape.join(', ')})`]),
    ...(nonFinite > 0 ? [`${nonFinite} NaN or infinite`] : []),
    ...(ownRho === undefined ? [] : [`rho ${number(ownRho)} on its own inputs`]),
    ...(verdict === 'wrong' && worst !== null && nonFinite === 0
      ? [`worst: ${worst.kind} ${worst.index}, ${scientific(worst.relRms)}`]
      : []),
  ];
  const name = isFirst ? style(['bold', 'red'], `> ${layer.name.padEnd(width)}`) : `  ${layer.name.padEnd(width)}`;
  return (
    `${name}${cells}  ` +
    `${style(color, verdict)}${remarks.length === 0 ? '' : ` ${style('dim', `(${remarks.join('; ')})`)}`}`
  );
}

function summary(result: VerifyResult, style: Style): string[] {
  const { verdict, causes, missing, unknown, notes = [] } = result;
  const { headline, sentences } = summarise(result);
  const lines = [style(['bold', verdict === 'pass' ? 'green' : 'red'], headline), ...sentences];
  for (const { name, confidence, explanation } of causes)
    lines.push(`It looks like ${style('yellow', name)} (${Math.round(100 * confidence)} %): ${explanation}`);
  for (const note of notes) lines.push(`${style('bold', 'Note')}: ${note}`);
  if (missing.length > 0) lines.push(style('dim', `Not in the dump: ${some(missing)}.`));
  if (unknown.length > 0) lines.push(style('dim', `No module's: ${some(unknown)}.`));
  return lines;
}

function some(names: readonly string[]): string {
  return names.length <= 6 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}

function number(x: number): string {
  if (!Number.isFinite(x)) return 'inf';
  return x < 1000 ? x.toFixed(x < 10 ? 2 : 1) : scientific(x);
}

function scientific(x: number): string {
  return x === 0 ? '0' : Number.isFinite(x) ? x.toExponential(1) : 'inf';
}
