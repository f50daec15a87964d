// clip-oracle search: the images of an embedded collection that are nearest to a text or to another image.

import { existsSync } from 'node:fs';
import type { CLIP } from '../../clip/clip.ts';
import type { Preprocess } from '../../clip/image/preprocess.ts';
import type { FeatureRows } from '../../features/read.ts';
import type { CosineSearch, Hit } from '../../features/search.ts';
import type { FloatArray } from '../../ops/tensor.ts';
import { argument, defineCommand, file, hiding, value, type OptionsOf } from '../command.ts';
import { CommandError, OK } from '../errors.ts';
import {
  answerOptions,
  commonOptions,
  imageOptions,
  isTable,
  modelChanges,
  pixelOptions,
  topOption,
} from '../options.ts';
import { styleFor } from '../terminal/style.ts';
import { modelName, probability } from '../values.ts';

const options = {
  ...hiding(imageOptions, ['normalize', 'batch', 'input', 'strict', 'null']),
  model: value(
    '-m, --model <name>',
    'the model that made the features (default: the one that their file names, else mini-vit)',
    modelName,
  ),
  ...modelChanges,
  paths: file('--paths <file>', "the images' paths, in the order of the rows: one per line, or a .json list"),
  duplicates: value(
    '--duplicates <cosine>',
    'no query: all pairs of rows whose cosine is at least this, such as 0.95',
    probability,
  ),
  ...topOption('how many'),
  ...answerOptions,
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const search = defineCommand({
  name: 'search',
  summary: 'find the images of an embedded collection that fit a text or an image',
  description:
    'Ranks the rows of files that `embed --out` wrote by their cosine with a text or an image.\n' +
    'A table on a terminal, else JSON Lines: {"rank","path","file","row","cosine"}. Paths come from ' +
    '.safetensors and .jsonl files, and from what embed wrote beside a .npy; else give --paths, or go by the row.\n' +
    'With --duplicates, pairs in the order of their rows: {"cosine","a":{"path","file","row"},"b":{…}}.\n' +
    "The query is an image if it names one (a picture's ending, or a path with a slash, that exists), else a text.",
  arguments: [
    argument('<query>', 'a text, or an image file; not with --duplicates'),
    argument('[features...]', 'one or several .npy, .safetensors or .jsonl files'),
  ],
  options,
  examples: [
    ['clip-oracle embed photos --model ViT-B/32 --out features.safetensors', 'first the collection'],
    ['clip-oracle search "a dog on a beach" features.safetensors', 'then a text'],
    ['clip-oracle search dog.jpg features.safetensors --top 20', 'or an image'],
    ['clip-oracle search "two cats" features.npy --model ViT-L/14 --paths list.txt', 'an array without paths'],
    ['clip-oracle search --duplicates 0.95 features.safetensors', 'pictures that are nearly the same'],
  ],
  run: ([first, others], options) =>
    options.duplicates === undefined ? answer(first, others, options) : answerPairs([first, ...others], options),
});

/** Pairs of rows that are nearly the same. */
async function answerPairs(files: string[], options: Options): Promise<number> {
  const { float64Text } = await import('../../formats/float-text.ts');
  const { pairsIn } = await import('../duplicates.ts');
  const { withOutput } = await import('../with-output.ts');
  const list = options.paths === undefined ? null : await readPaths(options.paths);
  const table = isTable(options);
  await withOutput(options.out, async (output) => {
    for await (const { cosine, a, b } of pairsIn(files, list, options.duplicates!))
      await output.write(
        table
          ? `${cosine.toFixed(4).padStart(7)}  ${nameOf(a)}  ${nameOf(b)}\n`
          : `{"cosine":${float64Text(cosine)},"a":${JSON.stringify(a)},"b":${JSON.stringify(b)}}\n`,
      );
  });
  return OK;
}

const nameOf = ({ path, file, row }: { path: string | null; file: string; row: number }): string =>
  path ?? `${file}[${row}]`;

async function answer(query: string, files: string[], options: Options): Promise<number> {
  const { IMAGE_NAME } = await import('../../features/inputs.ts');
  const { openFeatures } = await import('../../features/read.ts');
  const { CosineSearch } = await import('../../features/search.ts');
  const { float64Text } = await import('../../formats/float-text.ts');
  const { withOutput } = await import('../with-output.ts');
  if (files.length === 0)
    throw new CommandError(
      `search expected a query and feature files, got only "${query}"; name the files that embed --out wrote, or give ` +
        '--duplicates for the pairs in one',
    );
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
  await withOutput(options.out, async (output) => {
    const found = new CosineSearch(await featureOf(query, isImage, collections, files, options), options.top);
    const answers = await ranked(found, collections, files, list, options);
    const table = isTable(options);
    const line = lineOf(float64Text);
    for (const answer of answers)
      await output.write(table ? tableRow(answer, options.out === undefined) : line(answer));
  });
  return OK;
}

/** Shows all rows to the search. @param list the paths of --paths */
async function ranked(
  found: CosineSearch,
  collections: FeatureRows[],
  files: string[],
  list: string[] | null,
  { paths, quiet }: Options,
): Promise<Answer[]> {
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
      `--paths expected ${found.rows} paths, one per row of the features, got ${list.length} in ${paths}`,
    );
  if (found.skipped > 0 && !quiet)
    process.stderr.write(
      `clip-oracle: ${found.skipped} of ${found.rows} rows have no direction (images that failed) and were ` +
        `passed over\n`,
    );
  return found.best().map((hit, rank) => {
    const i = firsts.filter((first) => first <= hit.index).length - 1;
    return {
      rank: rank + 1,
      file: files[i],
      row: hit.index - firsts[i],
      path: list?.[hit.index] ?? collections[i].paths[hit.index - firsts[i]] ?? null,
      cosine: hit.cosine,
    };
  });
}

/**
 * The query through the tower that it is for. The model is the one that made the features, where their file says which.
 */
async function featureOf(
  query: string,
  isImage: boolean,
  collections: FeatureRows[],
  files: string[],
  options: Options,
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
  const { withModel } = await import('../with-model.ts');
  return withModel({ ...options, model: name, weights }, async (loaded) => {
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
      ? await imageFeature(query, loaded.model, loaded.preprocess, options)
      : await textFeature(query, loaded.model);
  });
}

async function imageFeature(path: string, model: CLIP, preprocess: Preprocess, options: Options): Promise<FloatArray> {
  return (await model.encodeImage(await preprocess(path, pixelOptions(options)))).data;
}

async function textFeature(text: string, model: CLIP): Promise<FloatArray> {
  const { tokensFor } = await import('../../features/tokens.ts');
  return (await model.encodeText(tokensFor(model, text))).data;
}

/** One path per line, or a JSON list. */
async function readPaths(file: string): Promise<string[]> {
  const { linesOf, readTextFile } = await import('../../features/text-file.ts');
  const text = await readTextFile(file, 'paths', 'name a file with one path per line');
  if (!/\.json$/i.test(file)) return linesOf(text);
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((path) => typeof path === 'string')) return list as string[];
  } catch {
    /* reported below */
  }
  throw new CommandError(
    `--paths expected a JSON list of strings in ${file}; one path per line in a .txt file will do too`,
  );
}

type Answer = Pick<Hit, 'cosine'> & { rank: number; file: string; row: number; path: string | null };

const lineOf =
  (float64Text: (value: number) => string) =>
  ({ rank, file, row, path, cosine }: Answer): string =>
    `{"rank":${rank},"path":${JSON.stringify(path)},"file":${JSON.stringify(file)},"row":${row},"cosine":${float64Text(cosine)}}\n`;

function tableRow({ rank, file, row, path, cosine }: Answer, onTerminal: boolean): string {
  const style = onTerminal ? styleFor(process.stdout) : (_format: unknown, text: string) => text;
  const text = `${String(rank).padStart(4)}  ${cosine.toFixed(4).padStart(7)}  ${nameOf({ path, file, row })}`;
  return `${rank === 1 ? style(['bold', 'green'], text) : text}\n`;
}
