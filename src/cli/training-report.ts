// What `train-head` prints: a table for people, one JSON object for programs.

import { stripVTControlCharacters } from 'node:util';
import type { Metrics } from '../train/head/metrics.ts';
import type { TrainedHead } from '../train/head/trained-head.ts';
import type { TrainingData } from '../features/labelled.ts';
import { styleFor } from './terminal/style.ts';

/** What the report needs of the command's options. */
interface Reported {
  out: readonly string[];
  seed: number;
  balanced?: boolean;
}

/** More classes than this are not listed one by one. */
const LISTED = 20;

export function reportJson(
  head: TrainedHead,
  { features, failed, origin }: TrainingData,
  { out, seed, balanced }: Reported,
): string {
  const {
    report: { split, ...report },
    normalized = false,
  } = head;
  const [samples, width] = features.shape;
  return `${JSON.stringify({
    ...origin,
    samples,
    failed,
    width,
    normalized,
    outputs: head.bias.shape[0],
    seed,
    balanced,
    ...report,
    // Rows count from 0 among the samples that did not fail.
    validationRows: [...split.validation],
    files: out,
  })}\n`;
}

export function reportTable(head: TrainedHead, { features, origin }: TrainingData, { out }: Reported): string {
  const { report, labels } = head;
  const style = styleFor(process.stdout);
  const { training, validation, validationAtHalf, threshold } = report;
  const [N, E] = features.shape;
  const columns: [string, Metrics][] = [['trained on', training]];
  if (validation !== null) columns.push(['held out', validation]);
  if (validationAtHalf !== null) columns.push(['at 0.5', validationAtHalf]);
  const row = (name: string, value: (metrics: Metrics) => number | null): string =>
    `  ${name.padEnd(24)}${columns.map(([, metrics]) => share(value(metrics)).padStart(12)).join('')}\n`;
  const classes =
    labels.length > LISTED
      ? ''
      : labels
          .map((name, k) =>
            row(`  ${name.length > 21 ? `${name.slice(0, 20)}…` : name}`, ({ accuracyOf }) => accuracyOf[k]),
          )
          .join('');
  const text =
    `${style('bold', `${labels.length} classes, ${N} samples`)}: ` +
    `${origin.model === undefined ? '' : `${origin.model}, `}width ` +
    `${E}${head.normalized ? ', normalised' : ''}\n` +
    `  C = ${short(report.C)} (l2 = ${short(report.l2)}); ${report.iterations} iterations, no weight further ` +
    `than ${report.distance.toExponential(0)} from the optimum\n\n` +
    `  ${''.padEnd(24)}${columns.map(([name]) => name.padStart(12)).join('')}\n` +
    `  ${'samples'.padEnd(24)}${columns.map(([, { samples }]) => String(samples).padStart(12)).join('')}\n` +
    row('accuracy', ({ accuracy }) => accuracy) +
    classes +
    row('average precision', ({ averagePrecision }) => averagePrecision) +
    (threshold === null
      ? ''
      : `\n  "${labels[1]}" above a probability of ` +
        `${style('green', short(threshold))}${validation === null ? '' : ', which is right most often among those held out'}\n`) +
    `\n${use(head, out)}`;
  return process.stdout.isTTY ? text : stripVTControlCharacters(text);
}

/** How the head is used. */
function use({ labels, threshold, normalized }: TrainedHead, out: readonly string[]): string {
  if (out.length === 0) return 'Not saved; name a file with --out head.safetensors or --out head.pth\n';
  const complete = out.find((file) => /\.safetensors$/i.test(file));
  if (complete !== undefined) return `clip-oracle classify IMAGE --head ${complete}\n`;
  const names =
    labels.length > LISTED || labels.some((name) => /[,\s"'\\$]/.test(name)) ? 'labels.txt' : labels.join(',');
  return (
    `clip-oracle classify IMAGE --head ${out[0]} --labels ` +
    `${names}${threshold === undefined || threshold === 0.5 ? '' : ` --threshold ${threshold}`}${normalized ? ' --normalize' : ''}\n`
  );
}

const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(2)} %`);

const short = (value: number): string => String(Number(value.toPrecision(4)));
