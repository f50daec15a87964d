// clip-oracle models: what can be loaded by name, what it costs, and what is here already.

import { MODELS, type ModelEntry } from '../../clip/models.ts';
import { defineCommand, flag, type OptionsOf } from '../command.ts';
import { OK } from '../errors.ts';
import { cacheRoot, noColor } from '../options.ts';
import { bytes } from '../terminal/numbers.ts';
import { styleFor } from '../terminal/style.ts';
import { linesOf, plainTable } from '../terminal/table.ts';

const options = { json: flag('--json', 'as JSON', false), root: cacheRoot, ...noColor };

type Options = OptionsOf<typeof options>;

export const models = defineCommand({
  name: 'models',
  summary: 'list the models',
  description:
    'Lists the models: feature width, resolution, parameters, multiply-accumulates per image, memory, and ' +
    'whether the weights are here.',
  arguments: [],
  options,
  examples: [
    ['clip-oracle models', 'a table'],
    ['clip-oracle models --json', 'for programs'],
  ],
  run: (_values, options) => list(options),
});

/** Where a model's weights are: a cached file, in the package, made from a seed, or not here. */
async function placeOf(
  model: ModelEntry,
  root?: string,
): Promise<{ cached: boolean; path: string | null; text: string }> {
  const { bundledWeights } = await import('../../clip/weights/bundled.ts');
  const { cachedPath } = await import('../../clip/download/download.ts');
  if (model.name.startsWith('mini-')) {
    const path = await bundledWeights(model.name, root);
    return { cached: path !== null, path, text: path === null ? 'no' : 'bundled' };
  }
  if (model.file === null) return { cached: true, path: null, text: 'synthetic' };
  const path = cachedPath(model.name, root);
  return { cached: path !== null, path, text: path === null ? 'no' : 'yes' };
}

async function list(options: Options): Promise<number> {
  const { multiplyAdds, parameterCounts } = await import('../../clip/sizes.ts');
  const { standardOutput } = await import('../../formats/atomic-file.ts');
  const rows = await Promise.all(
    MODELS.map(async (model) => {
      const parameters = parameterCounts(model).vision;
      return {
        name: model.name,
        feature: model.embed,
        resolution: model.vision.resolution,
        parameters,
        macs: multiplyAdds(model),
        memory: 4 * parameters,
        ...(await placeOf(model, options.root)),
      };
    }),
  );
  if (options.json) {
    await standardOutput.write(
      `${JSON.stringify(
        rows.map(({ text: weights, macs, ...row }) => ({ ...row, gmac: macs / 1e9, weights })),
        null,
        2,
      )}\n`,
    );
    return OK;
  }
  const style = styleFor(process.stdout);
  const table = await plainTable(['left', 'right', 'right', 'right', 'right', 'right', 'left']);
  table.push(
    ['name', 'feature', 'resolution', 'parameters', 'GMAC', 'memory', 'cached'].map((title) => style('bold', title)),
  );
  for (const { name, feature, resolution, parameters, macs, memory, text } of rows) {
    const gmac = macs / 1e9;
    table.push([
      style('cyan', name),
      feature,
      resolution,
      `${(parameters / 1e6).toFixed(1)} M`,
      gmac >= 0.1 ? gmac.toFixed(1) : gmac.toFixed(3),
      bytes(memory),
      style(text === 'no' ? 'dim' : 'green', text),
    ]);
  }
  await standardOutput.write(
    `${linesOf(table)}\n\nParameters, multiply-accumulates per image and memory (float32) are those of the image tower.\n` +
      'Fetch weights with `clip-oracle download NAME`.\n',
  );
  return OK;
}
