// The tables of npm run bench. Rates count a multiplication and an addition as two.

import Table from 'cli-table3';
import { MODELS } from '../src/clip/models.ts';
import { multiplyAdds } from '../src/clip/sizes.ts';
import type { Result } from './measurement.ts';
import type { KernelResult } from './kernels-child.ts';
import { summarise, type Summary } from './report.ts';

function table(head: string[], rows: string[][]): string {
  const drawn = new Table({ head, style: { head: [], border: [], compact: true } });
  drawn.push(...rows);
  return `${drawn.toString()}\n`;
}

const milliseconds = (seconds: number): string => (seconds * 1000).toFixed(seconds < 0.01 ? 3 : 1);
const rate = (flops: number, seconds: number): number => flops / seconds / 1e9;

/** A product per row, and the whole list as often as the model has each. */
export function kernelTable(results: readonly KernelResult[]): string {
  return results
    .map((result) => {
      const { model, executor, threads, batch, ceiling, products } = result;
      const row = (name: string, times: string, work: number, fastest: number, typical: number): string[] => {
        const flops = rate(2 * work, fastest);
        return [
          name,
          times,
          milliseconds(fastest),
          milliseconds(typical),
          flops.toFixed(1),
          `${((100 * flops * 1e9) / ceiling).toFixed(0)} %`,
        ];
      };
      const sum = (value: (p: KernelResult['products'][number]) => number): number =>
        products.reduce((total, p) => total + p.times * value(p), 0);
      const rows = products.map((p) => row(p.name, `${p.times}`, p.work, p.fastest, p.typical));
      rows.push(
        row(
          'all of them',
          '',
          sum((p) => p.work),
          sum((p) => p.fastest),
          sum((p) => p.typical),
        ),
      );
      return (
        `\nProducts of ${model}: ${executor}, ${threads} thread(s), batch ${batch}. Ceiling on as many ` +
        `threads: ${(ceiling / 1e9).toFixed(1)} GFLOP/s\n` +
        table(['product', 'times', 'ms, min', 'median', 'GFLOP/s', 'of ceiling'], rows)
      );
    })
    .join('');
}

/** How many times faster than one thread. */
function scaling(rows: readonly Summary[], row: Summary): string {
  const one = rows.find(
    (r) =>
      r.threads === 1 &&
      r.model === row.model &&
      r.batch === row.batch &&
      r.executor === row.executor &&
      r.residency === row.residency,
  );
  return one === undefined || row.threads === 1 ? '' : (one.fastest / row.fastest).toFixed(2);
}

export function modelTable(results: readonly Result[]): string {
  const rows = summarise(results);
  const head = [
    'model',
    'executor',
    'threads',
    'batch',
    'load s',
    'first s',
    'steady s, min',
    'median',
    'GFLOP/s',
    'scaling',
    'peak MB = weights + rest',
    "rel. RMS error (PyTorch's)",
  ];
  return `\nWhole models, weights synthetic:0, features checked against PyTorch's float64 features first\n${table(
    head,
    rows.map((row) => {
      const work = 2 * multiplyAdds(MODELS.find((entry) => entry.name === row.model)!) * row.batch;
      const [peak, weights] = [row.peak / 1e6, row.weightBytes / 1e6];
      return [
        row.model,
        row.residency === undefined ? row.executor : `${row.executor}, fp16 kept ${row.residency}`,
        `${row.threads}`,
        `${row.batch}`,
        row.load.toFixed(2),
        row.first.toFixed(3),
        row.fastest.toFixed(3),
        row.typical.toFixed(3),
        rate(work, row.fastest).toFixed(1),
        scaling(rows, row),
        `${peak.toFixed(0)} = ${weights.toFixed(0)} + ${(peak - weights).toFixed(0)}`,
        `${row.error.toExponential(1)} (${row.pytorchError.toExponential(1)})`,
      ];
    }),
  )}`;
}
