// clip-oracle tolerances: what each layer of a model may be off by under each claimed precision, as a table or as JSON
// for test suites.

import type { Claim } from '../../oracle/types.ts';
import type { Tolerances } from '../../oracle/tolerances.ts';
import { OK } from '../errors.ts';
import { AtomicFile, standardOutput } from '../../formats/atomic-file.ts';
import { Progress } from '../terminal/progress.ts';
import { styleFor } from '../terminal/style.ts';

export interface TolerancesCommandOptions {
  model: string;
  weights?: string;
  claims: readonly Claim[];
  images: number;
  json?: boolean;
  out?: string;
  threads?: number;
  executor: 'auto' | 'reference' | 'simd';
  quiet?: boolean;
}

/** @returns the exit code */
export async function printTolerances(options: TolerancesCommandOptions): Promise<number> {
  const file = options.out === undefined ? null : await AtomicFile.create(options.out);
  try {
    const table = await measured(options);
    const json = `${JSON.stringify(table, null, 1)}\n`;
    if (file !== null) {
      await file.write(json);
      await file.finish();
    }
    if (options.json) await standardOutput.write(json);
    else if (file === null) await standardOutput.write(await asText(table, options.claims));
    return OK;
  } catch (error) {
    await file?.discard();
    throw error;
  }
}

async function measured({
  model: name,
  weights,
  threads,
  executor,
  claims,
  images,
  quiet,
}: TolerancesCommandOptions): Promise<Tolerances> {
  const { load } = await import('../../clip/load.ts');
  const { tolerances } = await import('../../oracle/tolerances.ts');
  const { model } = await load(name, { weights, threads, executor });
  let progress: Progress | null = null;
  try {
    const bar = (progress = await Progress.create({ unit: 'modules', total: null, quiet }));
    return await tolerances(model, {
      claims,
      images: Array.from({ length: images }, (_, seed) => seed),
      onProgress: ({ done, total }) => bar.update(done, total),
    });
  } finally {
    progress?.stop();
    await model.close();
  }
}

/** Such as 1.2e-5. */
export const short = (value: number): string => (value === 0 ? '0' : value.toExponential(1).replace('e+', 'e'));

async function asText({ model, weights, images, modules }: Tolerances, claims: readonly Claim[]): Promise<string> {
  const Table = (await import('cli-table3')).default;
  const style = styleFor(process.stdout);
  const none = {
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
  const table = new Table({
    chars: none,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: ['left', 'right', ...claims.flatMap(() => ['right', 'right'] as const)],
  });
  table.push(['', 'own', ...claims.flatMap((claim) => [claim, ''])].map((title) => style('bold', title)));
  table.push(['module', 'relRms', ...claims.flatMap(() => ['relRms', 'rho'])].map((title) => style('dim', title)));
  for (const module of modules) {
    table.push([
      style('cyan', module.name),
      short(module.reference),
      ...claims.flatMap((claim) => [short(module.claims[claim]!.relRms), short(module.claims[claim]!.rho)]),
    ]);
  }
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
  return (
    `${lines}\n\n${model}, ${weights}, ${images.length} synthetic ${images.length === 1 ? 'image' : 'images'}. ` +
    `own: this project's float32 beside the float64 truth, ‖R-T‖/‖T‖.\n` +
    'For each claim the largest ‖B-T‖/‖T‖ that passes, and the same as rho = ‖B-T‖/‖R-T‖. --json adds what is ' +
    'plausible and the largest absolute errors.\n'
  );
}
