// clip-oracle search: the images of an embedded collection that are nearest to a text or to another image.

import { existsSync } from 'node:fs';
import { CosineSearch, type Hit } from '../../features/search.ts';
import type { CLIP } from '../../clip/clip.ts';
import type { Preprocess } from '../../clip/image/preprocess.ts';
import type { FloatArray } from '../../ops/tensor.ts';
import { CommandError, OK } from '../errors.ts';
import { openFeatures, type FeatureRows } from '../../features/read.ts';
import { float64Text } from '../../formats/float-text.ts';
import { IMAGE_NAME } from '../../features/inputs.ts';
import { isTable, type AnswerOptions, type ImageOptions } from '../options.ts';
import { AtomicFile, standardOutput, type Output } from '../../formats/atomic-file.ts';
import { loadModel } from '../../features/pipeline.ts';
import { styleFor } from '../terminal/style.ts';
import { linesOf, readTextFile } from '../text-file.ts';

export interface SearchOptions extends Omit<ImageOptions, 'model'>, AnswerOptions {
  model?: string;
  paths?: string;
}

/** @returns the exit code */
export async function search(query: string, files: string[], options: SearchOptions): Promise<number> {
  const isImage = existsSync(query) && (IMAGE_NAME.test(query) || /[/\\]/.test(query));
  if (!isImage && (IMAGE_NAME.test(query) || query.trim() === ''))
    throw new CommandError(
      query.trim() === ''
        ? 'search expected a text or an image, got nothing'
        : `search expected a text or an image, "${query}" does not exist`,
    );
  const collections: FeatureRows[] = [];
  for (const file of files) collections.push(await openFeatures(file));
  const list = options.paths === undefined ? null : await readPaths(options.paths);
  const output: Output = options.out === undefined ? standardOutput : await AtomicFile.create(options.out);
  try {
    const found = new CosineSearch(await featureOf(query, isImage, collections, files, options), options.top);
    const firsts: number[] = [];
    for (const [i, collection] of collections.entries()) {
      firsts.push(found.rows);
      for await (const rows of collection.rows()) found.add(rows);
      if (collection.paths.length > found.rows - firsts[i])
        throw new CommandError(
          `${files[i]} names ${collection.paths.length} paths for ${found.rows - firsts[i]} rows; write it again`,
        );
    }
    if (list !== null && list.length !== found.rows)
      throw new CommandError(
        `--paths expected ${found.rows} paths, one per row of the features, got ${list.length} in ${options.paths}`,
      );
    if (found.skipped > 0 && !options.quiet)
      process.stderr.write(
        `clip-oracle: ${found.skipped} of ${found.rows} rows have no direction (images that failed) and were ` +
          `passed over\n`,
      );
    const answers = found.best().map((hit, rank) => {
      const i = firsts.filter((first) => first <= hit.index).length - 1;
      return {
        rank: rank + 1,
        file: files[i],
        row: hit.index - firsts[i],
        path: list?.[hit.index] ?? collections[i].paths[hit.index - firsts[i]] ?? null,
        cosine: hit.cosine,
      };
    });
    const table = isTable(options);
    for (const answer of answers)
      await output.write(table ? tableRow(answer, options.out === undefined) : line(answer));
    await output.finish();
    return OK;
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/**
 * The query through the tower that it is for. The model is the one that made the features, where their file says which.
 */
async function featureOf(
  query: string,
  isImage: boolean,
  collections: FeatureRows[],
  files: string[],
  options: SearchOptions,
): Promise<FloatArray> {
  const made = collections.find((collection) => collection.model !== undefined);
  const name = options.model ?? made?.model ?? 'mini-vit';
  const other = collections.findIndex((collection) => collection.model !== undefined && collection.model !== name);
  if (other >= 0)
    throw new CommandError(
      `${files[other]} holds features of ${collections[other].model}, which say nothing to ${name}; leave ` +
        '--model out, or search other features',
    );
  const bundled = name.startsWith('mini-');
  const weights =
    options.weights ??
    (options.model === undefined && !bundled && made?.weights?.startsWith('synthetic:') ? made.weights : undefined);
  const loaded = await loadModel({ ...options, model: name, weights });
  try {
    const { embed } = loaded.model.architecture;
    const wrong = collections.findIndex(({ width }) => width !== embed);
    if (wrong >= 0) {
      const { width } = collections[wrong];
      const fits = (await import('../../clip/head.ts')).fitsModels(width!);
      throw new CommandError(
        `${files[wrong]} holds features of width ${width}, ${name} has ${embed}; say with --model which model ` +
          `made them${fits.length === 0 ? '' : ` (${fits.join(', ')})`}`,
      );
    }
    return isImage
      ? await imageFeature(query, loaded.model, loaded.preprocess, options.pipeline)
      : await textFeature(query, loaded.model);
  } finally {
    await loaded.model.close();
  }
}

async function imageFeature(
  path: string,
  model: CLIP,
  preprocess: Preprocess,
  pipeline: SearchOptions['pipeline'],
): Promise<FloatArray> {
  return (await model.encodeImage(await preprocess(path, { pipeline }))).data;
}

async function textFeature(text: string, model: CLIP): Promise<FloatArray> {
  const { tokenize } = await import('../../clip/tokenizer/tokenize.ts');
  return (await model.encodeText(tokenize(text))).data;
}

/** One path per line, or a JSON list. */
async function readPaths(file: string): Promise<string[]> {
  const text = await readTextFile(file, '--paths', 'name a file with one path per line');
  if (!/\.json$/i.test(file)) return linesOf(text);
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((path) => typeof path === 'string')) return list as string[];
  } catch {
    /* said below */
  }
  throw new CommandError(
    `--paths expected a JSON list of strings in ${file}; one path per line in a .txt file will do too`,
  );
}

type Answer = Pick<Hit, 'cosine'> & { rank: number; file: string; row: number; path: string | null };

const line = ({ rank, file, row, path, cosine }: Answer): string =>
  `{"rank":${rank},"path":${JSON.stringify(path)},"file":${JSON.stringify(file)},"row":${row},"cosine":${float64Text(cosine)}}\n`;

function tableRow({ rank, file, row, path, cosine }: Answer, onTerminal: boolean): string {
  const style = onTerminal ? styleFor(process.stdout) : (_format: unknown, text: string) => text;
  const text = `${String(rank).padStart(4)}  ${cosine.toFixed(4).padStart(7)}  ${path ?? `${file}[${row}]`}`;
  return `${rank === 1 ? style(['bold', 'green'], text) : text}\n`;
}
