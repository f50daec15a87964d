// How the answer of `classify` looks: a JSON line, or rows of a table.

import { stripVTControlCharacters } from 'node:util';
import type { FloatArray } from '../ops/tensor.ts';
import { float32Text, float64Text, floatsText } from '../formats/float-text.ts';
import type { Labels } from './class-names.ts';
import { styleFor, type Style } from './terminal/style.ts';

const NAME_COLUMN = 30;
const BAR_COLUMN = 20;

export interface Scored {
  index: number;
  label: string | number;
  logit: number;
  probability: number;
}

/** `top` of a head with several outputs; `logit` and `probability` of one with a single output. */
export interface Verdict {
  label: string | number;
  logits: FloatArray;
  withLogits: boolean;
  top?: Scored[];
  logit?: number;
  probability?: number;
}

export type Answer = { path: string; error: string } | ({ path: string } & Verdict);

export function verdictLine(answer: Answer): string {
  if ('error' in answer) return `${JSON.stringify({ path: answer.path, error: answer.error })}\n`;
  const { path, label, logits, top } = answer;
  const number = logits instanceof Float32Array ? float32Text : float64Text;
  const scores = (logit: number, probability: number): string =>
    `"logit":${number(logit)},"probability":${float64Text(probability)}`;
  const body =
    top === undefined
      ? scores(answer.logit!, answer.probability!)
      : `"top":[${top.map((one) => `{"label":${JSON.stringify(one.label)},${scores(one.logit, one.probability)}}`).join(',')}]`;
  return `{"path":${JSON.stringify(path)},"label":${JSON.stringify(label)},${body}${answer.withLogits ? `,"logits":${floatsText(logits, 0, logits.length)}` : ''}}\n`;
}

/**
 * A function that makes a block of rows per image: names, bars, percentages.
 * @param stream where it is shown, for colours; null for a file
 */
export async function verdictTable(
  labels: Labels | null,
  stream: NodeJS.WriteStream | null,
): Promise<(answer: Answer) => string> {
  const Table = (await import('cli-table3')).default;
  const style: Style = stream === null ? (_format, text) => text : styleFor(stream);
  const blank = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  };
  return (answer) => {
    if ('error' in answer) return `${style('bold', answer.path)}\n  ${style('red', 'error')}  ${answer.error}\n\n`;
    const rows = answer.top ?? [
      { index: -1, label: answer.label, logit: answer.logit!, probability: answer.probability! },
    ];
    // The bars of all images stand below each other unless a name is very long. A sign takes two columns and a blank.
    const width = rows.reduce((most, { label }) => Math.max(most, String(label).length + 5), NAME_COLUMN);
    const table = new Table({
      chars: blank,
      style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
      colAligns: ['left', 'left', 'right'],
      colWidths: [width, BAR_COLUMN, 7],
    });
    rows.forEach(({ index, label, probability }, i) => {
      const best = i === 0;
      const sign = index >= 0 && labels?.signs ? `${labels.signs[index]} ` : '';
      const name = `  ${sign}${label}`;
      table.push([
        best ? style(['bold', 'green'], name) : name,
        style(best ? 'green' : 'dim', bar(probability, BAR_COLUMN)),
        percent(probability),
      ]);
    });
    const text = table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n');
    return `${style('bold', answer.path)}\n${stream === null ? stripVTControlCharacters(text) : text}\n\n`;
  };
}

/** A bar in eighths of a column. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const rest = eighths % 8;
  return ('█'.repeat(Math.floor(eighths / 8)) + (rest > 0 ? ' ▏▎▍▌▋▊▉'[rest] : '')).padEnd(width);
}

function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`;
}
