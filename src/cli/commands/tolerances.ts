// clip-oracle tolerances: what each layer of a model may be off by under each claimed precision, as a table or as JSON
// for test suites.

import type { Tolerances } from '../../oracle/tolerances.ts';
import { CLAIMS, type Claim } from '../../oracle/types.ts';
import { defineCommand, file, flag, value, type OptionsOf } from '../command.ts';
import { OK } from '../errors.ts';
import { activationOption, commonOptions, computeOptions, model, weights } from '../options.ts';
import { short } from '../terminal/numbers.ts';
import { styleFor } from '../terminal/style.ts';
import { linesOf, plainTable } from '../terminal/table.ts';
import { listOf, positiveInteger } from '../values.ts';

const options = {
  model,
  weights,
  ...activationOption,
  claims: value('--claims <list>', `some of ${CLAIMS.join(',')} (default: all)`, listOf<Claim>(CLAIMS), {
    default: CLAIMS as Claim[],
    shown: 'all',
  }),
  images: value('--images <n>', 'synthetic images to measure on; the largest error of all counts', positiveInteger, {
    default: 2,
  }),
  json: flag('--json', 'print JSON', false),
  out: file('-o, --out <file>', 'write the JSON to a file, for verify --tolerances'),
  ...computeOptions,
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const tolerances = defineCommand({
  name: 'tolerances',
  summary: 'say how far off each layer may be, per precision',
  description:
    'Measures what each precision earns on a model: the same network is computed with storage, operands and ' +
    'sums rounded as that precision has them, in several\n' +
    'variants, and compared with the float64 truth layer by layer. A backend that claims the precision ' +
    'passes up to twice the error of the largest variant\n' +
    "(float32: four times this project's own error), and is plausible up to four times (float32: sixteen).\n" +
    'Prints a table; --json prints every number for test suites in other languages (schema/tolerances.json).',
  arguments: [],
  options,
  examples: [
    ['clip-oracle tolerances --model RN50 --weights synthetic:0', 'a table'],
    [
      'clip-oracle tolerances --model ViT-B/32 --claims float16,bfloat16 --out vit.json',
      'for verify --tolerances, or your own tests',
    ],
  ],
  async run(_values, options) {
    const { standardOutput } = await import('../../formats/atomic-file.ts');
    const { withOutput } = await import('../with-output.ts');
    const { out, json, claims } = options;
    const asJson = (table: Tolerances): string => `${JSON.stringify(table, null, 1)}\n`;
    const table = await withOutput(out, async (output) => {
      const table = await measured(options);
      if (out !== undefined) await output.write(asJson(table));
      return table;
    });
    if (json) await standardOutput.write(asJson(table));
    else if (out === undefined) await standardOutput.write(await asText(table, claims));
    return OK;
  },
});

async function measured({ claims, images, quiet, ...model }: Options): Promise<Tolerances> {
  const { tolerances } = await import('../../oracle/tolerances.ts');
  const { withProgress } = await import('../run-images.ts');
  const { withModel } = await import('../with-model.ts');
  return withModel(model, (loaded) =>
    withProgress({ unit: 'modules', quiet }, (onProgress) =>
      tolerances(loaded.model, { claims, images: Array.from({ length: images }, (_, seed) => seed), onProgress }),
    ),
  );
}

async function asText({ model, weights, images, modules }: Tolerances, claims: readonly Claim[]): Promise<string> {
  const style = styleFor(process.stdout);
  const table = await plainTable(['left', 'right', ...claims.flatMap(() => ['right', 'right'] as const)]);
  table.push(['', 'own', ...claims.flatMap((claim) => [claim, ''])].map((title) => style('bold', title)));
  table.push(['module', 'relRms', ...claims.flatMap(() => ['relRms', 'rho'])].map((title) => style('dim', title)));
  for (const module of modules) {
    table.push([
      style('cyan', module.name),
      short(module.reference),
      ...claims.flatMap((claim) => [short(module.claims[claim]!.relRms), short(module.claims[claim]!.rho)]),
    ]);
  }
  const lines = linesOf(table);
  return (
    `${lines}\n\n${model}, ${weights}, ${images.length} synthetic ${images.length === 1 ? 'image' : 'images'}. ` +
    `own: this project's float32 beside the float64 truth, ‖R-T‖/‖T‖.\n` +
    'For each claim the largest ‖B-T‖/‖T‖ that passes, and the same as rho = ‖B-T‖/‖R-T‖. --json adds what is ' +
    'plausible and the largest absolute errors.\n'
  );
}
