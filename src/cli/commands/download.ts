// clip-oracle download: checkpoints by name into the cache.

import { cacheFolder, download } from '../../clip/download/download.ts';
import { MODELS } from '../../clip/models.ts';
import { CommandError, INTERRUPTED, messageOf, OK, WRONG } from '../errors.ts';
import { standardOutput } from '../../formats/atomic-file.ts';
import { bytes, duration, Progress } from '../terminal/progress.ts';
import { unknownModel } from '../options.ts';

export interface DownloadCommandOptions {
  all: boolean;
  baseUrl?: string;
  root?: string;
  verify: boolean;
  stallTimeout: number;
  retries: number;
  quiet?: boolean;
}

/** @returns the exit code */
export async function downloadModels(names: string[], options: DownloadCommandOptions): Promise<number> {
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

async function one(name: string, options: DownloadCommandOptions, signal: AbortSignal): Promise<void> {
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
