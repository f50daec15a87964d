// clip-oracle models: what can be loaded by name, what it costs, and what is here already.

import { bundledWeights } from '../../clip/weights/bundled.ts';
import { cachedPath } from '../../clip/download/download.ts';
import { MODELS, type ModelEntry } from '../../clip/models.ts';
import { multiplyAdds, parameterCounts } from '../../clip/sizes.ts';
import { OK } from '../errors.ts';
import { standardOutput } from '../../formats/atomic-file.ts';
import { bytes } from '../terminal/progress.ts';
import { styleFor } from '../terminal/style.ts';

export interface ModelsOptions {
  json: boolean;
  root?: string;
}

/** Where a model's weights are: a cached file, in the package, made from a seed, or not here. */
async function placeOf(
  model: ModelEntry,
  root?: string,
): Promise<{ cached: boolean; path: string | null; text: string }> {
  if (model.name.startsWith('mini-')) {
    const path = await bundledWeights(model.name, root);
    return { cached: path !== null, path, text: path === null ? 'no' : 'bundled' };
  }
  if (model.file === null) return { cached: true, path: null, text: 'synthetic' };
  const path = cachedPath(model.name, root);
  return { cached: path !== null, path, text: path === null ? 'no' : 'yes' };
}

/** @returns the exit code */
export async function models(options: ModelsOptions): Promise<number> {
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
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
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
    `${table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join(
        '\n',
      )}\n\nParameters, multiply-accumulates per image and memory (float32) are those of the image tower.\nFetch weights with \`clip-oracle download NAME\`.\n`,
  );
  return OK;
}
