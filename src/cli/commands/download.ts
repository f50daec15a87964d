// clip-oracle download: checkpoints by name into the cache.

import { MODELS } from '../../clip/models.ts';
import { argument, defineCommand, flag, text, value, type OptionsOf } from '../command.ts';
import { CommandError, INTERRUPTED, messageOf, OK, WRONG } from '../errors.ts';
import { cacheRoot, commonOptions } from '../options.ts';
import { bytes, duration } from '../terminal/numbers.ts';
import { positiveInteger, unknownModel } from '../values.ts';

const options = {
  all: flag('--all', 'all nine (5.5 GB)', false),
  baseUrl: text(
    '--base-url <url>',
    "where the files lie, as URL/SHA256/FILE (default: CLIP_ORACLE_BASE_URL, else OpenAI's)",
  ),
  root: cacheRoot,
  verify: flag('--verify', 'check the SHA-256 of files that are there already', false),
  retries: value('--retries <n>', 'attempts after a broken connection', positiveInteger, { default: 5 }),
  stallTimeout: value(
    '--stall-timeout <seconds>',
    'a connection without a byte for so long is broken',
    positiveInteger,
    { default: 30 },
  ),
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const download = defineCommand({
  name: 'download',
  summary: "fetch OpenAI's weights into the cache",
  description:
    "Fetches OpenAI's checkpoints into the cache folder that OpenAI's own package uses, and prints their " +
    'paths. Continues where an earlier attempt ended;\n' +
    'a file gets its name only after its SHA-256 is right.',
  arguments: [
    argument('[model...]', 'RN50, RN101, RN50x4, RN50x16, RN50x64, ViT-B/32, ViT-B/16, ViT-L/14, ViT-L/14@336px'),
  ],
  options,
  examples: [
    ['clip-oracle download ViT-B/32', '354 MB to ~/.cache/clip/ViT-B-32.pt'],
    ['clip-oracle download RN50 ViT-L/14 --base-url https://mirror.example/clip', 'from a mirror'],
  ],
  run: ([names], options) => fetchModels(names, options),
});

async function fetchModels(names: string[], options: Options): Promise<number> {
  const known = MODELS.filter((model) => model.file !== null).map((model) => model.name);
  if (options.all && names.length > 0)
    throw new CommandError('expected either models or --all, got both; leave one out');
  if (!options.all && names.length === 0)
    throw new CommandError(`expected a model: one of ${known.join(', ')}; or --all`);
  for (const name of names) {
    if (known.includes(name)) continue;
    if (MODELS.some((model) => model.name === name)) {
      throw new CommandError(
        `${name} needs no download: ` +
          `${name.startsWith('mini-') ? 'it comes with the package' : 'its weights are synthetic, as synthetic:0'}`,
      );
    }
    throw new CommandError(
      `cannot download "${name}". ${unknownModel(name, known)}`
        .replace(' or file', '')
        .replace(', or the path of a checkpoint', ''),
    );
  }
  const controller = new AbortController();
  const interrupt = (): void =>
    controller.abort(
      new CommandError('interrupted; what has come is kept, the same command continues there', INTERRUPTED),
    );
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let worst = OK;
  try {
    for (const name of new Set(options.all ? known : names)) {
      try {
        await one(name, options, controller.signal);
      } catch (error) {
        if (controller.signal.aborted) throw error;
        process.stderr.write(`clip-oracle: ${messageOf(error)}\n`); // the others are still fetched
        worst = WRONG;
      }
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  return worst;
}

async function one(name: string, options: Options, signal: AbortSignal): Promise<void> {
  const { cacheFolder, download } = await import('../../clip/download/download.ts');
  const { standardOutput } = await import('../../formats/atomic-file.ts');
  const { Progress } = await import('../terminal/progress.ts');
  const say = (text: string): void => {
    if (!options.quiet) process.stderr.write(`${text}\n`);
  };
  const began = performance.now();
  const progress = await Progress.create({ unit: name, total: null, quiet: options.quiet, show: bytes, delay: 200 });
  let first: number | null = null,
    received = 0,
    phase = 'transfer';
  say(`${name} to ${cacheFolder(options.root)}`);
  try {
    const path = await download(name, {
      root: options.root,
      baseUrl: options.baseUrl,
      signal,
      verify: options.verify,
      retries: options.retries,
      stallTimeout: options.stallTimeout * 1000,
      onProgress: (now) => {
        if (now.phase === 'transfer') {
          first ??= now.received;
          received = now.received;
        }
        phase = now.phase;
        progress.update(now.received, now.total);
      },
      onRetry: (reason, attempt, delay) => {
        progress.stop();
        say(`${reason.message}; attempt ${attempt + 1} in ${(delay / 1000).toFixed(1)} s`);
      },
    });
    progress.stop();
    if (first === null) say(`  was there${phase === 'hash' ? ', its SHA-256 is right' : ''}`);
    else
      say(
        `  ${bytes(received - first)} in ` +
          `${duration((performance.now() - began) / 1000)}${first > 0 ? ` (${bytes(first)} were there)` : ''}, ` +
          'SHA-256 is right',
      );
    await standardOutput.write(`${path}\n`);
  } finally {
    progress.stop();
  }
}
