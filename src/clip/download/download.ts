// OpenAI's nine checkpoints by name, into the cache folder that OpenAI's own package uses (~/.cache/clip/RN50.pt).
// A file gets its final name only after its SHA-256 is right; until then it is a part that the next attempt continues.
// Addresses and digests: openai/CLIP, clip/clip.py (models.ts).

import { statSync } from 'node:fs';
import { mkdir, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeRefusal } from '../../formats/errno.ts';
import { MODELS } from '../models.ts';
import { PartFile, sha256OfFile } from './part-file.ts';
import { Interruption, transfer, Unresumable, type Known, type TransferOptions } from './transfer.ts';

const DEFAULT_BASE_URL = 'https://openaipublic.azureedge.net/clip/models';

/** What download needs to know of a model; the entries of MODELS are such. */
export interface DownloadableModel {
  readonly name: string;
  readonly file: string | null;
  readonly sha256: string | null;
}

export interface DownloadProgress {
  /** `hash` while bytes that are already there are checked, `transfer` while bytes come. */
  readonly phase: 'hash' | 'transfer';
  /** Bytes of the file that are here (or hashed). */
  readonly received: number;
  /** Bytes of the whole file; null if the server does not say. */
  readonly total: number | null;
}

export interface DownloadOptions {
  /** The cache folder. Default: CLIP_ORACLE_CACHE, else ~/.cache/clip. */
  root?: string;
  /** Where the files are: BASE/SHA256/FILE. Default: CLIP_ORACLE_BASE_URL, else OpenAI's. */
  baseUrl?: string;
  /** Aborts; what has come stays for the next attempt. */
  signal?: AbortSignal;
  onProgress?: (progress: DownloadProgress) => void;
  /** Called before another attempt is made. */
  onRetry?: (reason: Error, attempt: number, delay: number) => void;
  /** Instead of the global fetch, for example one that goes through a proxy. */
  fetch?: typeof globalThis.fetch;
  /**
   * Whether a file that is already there is hashed; one with a wrong digest is fetched anew. Default false: only its
   * size is looked at.
   */
  verify?: boolean;
  /** Attempts after failures that may pass, counted anew whenever a megabyte has come. Default 5. */
  retries?: number;
  /** Milliseconds before the first of them, doubled each time, at most 30 s. Default 500. */
  retryDelay?: number;
  /** Milliseconds without a byte after which the connection counts as broken. Default 30,000. */
  stallTimeout?: number;
}

const MAX_BYTES = 4 * 1024 * 1024 * 1024; // the largest of the nine has 1.26 GiB
const MAX_DELAY = 30_000;
const PROGRESS_THAT_COUNTS = 1 << 20;

// MiB of the nine files, computed from their architectures (half precision where OpenAI keeps it); the archives' own
// overhead is well below a percent.
// Good enough to detect a truncated file, which OpenAI's package leaves under the final name.
const ABOUT_MIB: Readonly<Record<string, number>> = {
  'RN50.pt': 243.4,
  'RN101.pt': 277.5,
  'RN50x4.pt': 401.6,
  'RN50x16.pt': 629.5,
  'RN50x64.pt': 1289.4,
  'ViT-B-32.pt': 337.1,
  'ViT-B-16.pt': 334.1,
  'ViT-L-14.pt': 888.9,
  'ViT-L-14-336px.pt': 890.1,
};

/**
 * The cache folder: `root`, else the environment's CLIP_ORACLE_CACHE, else ~/.cache/clip, which OpenAI's package uses
 * too.
 */
export function cacheFolder(root?: string): string {
  return resolve(root ?? (process.env.CLIP_ORACLE_CACHE || join(homedir(), '.cache', 'clip')));
}

/** The path of a model's file in the cache, whether it is there or not. */
export function cachePath(model: string | DownloadableModel, root?: string): string {
  return join(cacheFolder(root), downloadable(model).file);
}

/**
 * The file of a model in the cache, or null if it is not there (or too short to be whole, or no model that can be
 * downloaded).
 */
export function cachedPath(model: string | DownloadableModel, root?: string): string | null {
  const entry = typeof model === 'string' ? MODELS.find((one) => one.name === model) : model;
  if (!entry?.file) return null;
  const path = join(cacheFolder(root), entry.file);
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() && !tooShort(path, found.size) ? path : null;
}

/**
 * Fetches a model's checkpoint into the cache, unless it is there, and returns its path.
 * Continues a part that an earlier attempt left, in this process or another, and survives breaks of the connection.
 * @param model one of OpenAI's nine names, or an entry with a name, a file and its SHA-256
 * @throws RangeError for a name that cannot be downloaded; Error that says what is wrong and what to do; the signal's
 *   reason if aborted
 */
export async function download(model: string | DownloadableModel, options: DownloadOptions = {}): Promise<string> {
  const { file, sha256 } = downloadable(model);
  const { signal, onProgress } = options;
  const url = `${baseUrlOf(options)}/${sha256}/${file}`;
  const target = cachePath(model, options.root);
  signal?.throwIfAborted();
  try {
    if (await isThere(target, sha256, options)) return target;
    await mkdir(dirname(target), { recursive: true });
    const part = await PartFile.claim(target, signal, (received, total) =>
      onProgress?.({ phase: 'hash', received, total }),
    );
    await fetchInto(part, url, sha256, target, options);
    return target;
  } catch (error) {
    throw explained(error, file, target);
  }
}

/**
 * Fills the part, checks the digest, gives the file its name. On an error the part is kept for the next attempt,
 * or removed.
 */
async function fetchInto(
  part: PartFile,
  url: string,
  sha256: string,
  target: string,
  options: DownloadOptions,
): Promise<void> {
  const known: Known = { etag: null, contentType: null };
  let open = true;
  try {
    for (let startedOver = false; part.size === 0 || part.digest() !== sha256; startedOver = true) {
      const fault = await fetchAll(part, url, known, options).then(
        () => null,
        (error: unknown) => {
          if (error instanceof Unresumable) return error;
          throw error;
        },
      );
      if (fault === null && part.digest() === sha256) break;
      // Bytes that were pieced together may have been wrong before (a torn write, another server): then everything is
      // fetched once more.
      if (startedOver || !part.resumed) {
        open = false;
        const [got, size] = [part.digest(), part.size];
        await part.remove();
        throw new Error(
          fault
            ? `${fault.message}; the bytes were removed, try again or use another base URL`
            : `${url} expected SHA-256 ${sha256}, got ${got} (${size} ` +
                `bytes${known.contentType ? ` of ${known.contentType}` : ''}); ` +
                'the wrong bytes were removed, try again or use another base URL',
        );
      }
      await part.restart();
    }
    open = false;
    await part.finish(target);
  } finally {
    if (open) await part.release();
  }
}

/** Requests until everything is there: each break continues where the last one ended. */
async function fetchAll(part: PartFile, url: string, known: Known, options: DownloadOptions): Promise<void> {
  const { retries = 5, retryDelay = 500, signal } = options;
  const transferOptions: TransferOptions = {
    fetch: options.fetch ?? globalThis.fetch,
    stallTimeout: options.stallTimeout ?? 30_000,
    maxBytes: MAX_BYTES,
    signal,
    onProgress: (received, total) => options.onProgress?.({ phase: 'transfer', received, total }),
    beforeWriting: (missing) => requireSpace(part.path, missing),
  };
  let attempt = 0;
  for (let best = part.size; ;) {
    try {
      await transfer(url, part, known, transferOptions);
      return;
    } catch (error) {
      if (!(error instanceof Interruption)) throw error;
      if (part.size - best >= PROGRESS_THAT_COUNTS) attempt = 0;
      best = Math.max(best, part.size);
      if (attempt >= retries) {
        throw new Error(
          `${error.message}; gave up after ${attempt + 1} attempts. ` +
            (part.size > 0
              ? `${part.size} bytes are kept: the same command continues there`
              : 'Check the connection and the base URL, then try again'),
          { cause: error },
        );
      }
      const delay = Math.min(error.retryAfter ?? retryDelay * (1 << Math.min(attempt, 16)), MAX_DELAY);
      attempt++;
      part.resumed = part.size > 0;
      options.onRetry?.(error, attempt, delay);
      await sleep(delay, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

async function isThere(target: string, sha256: string, options: DownloadOptions): Promise<boolean> {
  const found = await stat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!found?.isFile() || tooShort(target, found.size)) return false;
  if (!options.verify) return true;
  return (
    (await sha256OfFile(target, options.signal, (received, total) =>
      options.onProgress?.({ phase: 'hash', received, total }),
    )) === sha256
  );
}

/** Whether a file under a model's final name must have been broken off. */
function tooShort(path: string, size: number): boolean {
  const about = ABOUT_MIB[path.slice(dirname(path).length + 1)] ?? 0;
  return size === 0 || size < 0.98 * about * 1024 * 1024;
}

function downloadable(model: string | DownloadableModel): { file: string; sha256: string } {
  const entry = typeof model === 'string' ? MODELS.find((one) => one.name === model) : model;
  const name = typeof model === 'string' ? model : model.name;
  const names = MODELS.filter((one) => one.file !== null)
    .map((one) => one.name)
    .join(', ');
  if (!entry) throw new RangeError(`download: "model" expected one of ${names}, got "${name}"`);
  if (entry.file === null || entry.sha256 === null) {
    const remedy = name.startsWith('mini-')
      ? 'it comes with the package and needs no download'
      : 'it has synthetic weights only: load it with "synthetic:0"';
    throw new RangeError(`download: "model" expected one of ${names}, got "${name}"; ${remedy}`);
  }
  return { file: entry.file, sha256: entry.sha256 };
}

function baseUrlOf({ baseUrl = process.env.CLIP_ORACLE_BASE_URL || DEFAULT_BASE_URL }: DownloadOptions): string {
  if (!URL.canParse(baseUrl) || !/^https?:/i.test(baseUrl))
    throw new RangeError(`download: "baseUrl" expected an http or https address, got "${baseUrl}"`);
  return baseUrl.replace(/\/+$/, '');
}

async function requireSpace(path: string, missing: number): Promise<void> {
  const disk = await statfs(path).catch(() => null);
  const free = disk === null ? Infinity : disk.bavail * disk.bsize;
  if (free < missing && disk!.blocks > 0) {
    throw Object.assign(new Error(`${missing} bytes are missing, ${free} are free`), { code: 'ENOSPC' });
  }
}

/** The operating system's error as a sentence with the remedy. */
function explained(error: unknown, file: string, target: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const folder = dirname(target);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Error(
      `download: no space for ${file} in ${folder} (${message}); free some, or name another folder with --root or ` +
        'CLIP_ORACLE_CACHE',
      { cause: error },
    );
  }
  const refusal = writeRefusal(error);
  if (refusal !== null) {
    return new Error(
      `download: cannot write ${file} into the cache folder ${folder} (${code}: ${refusal}); make it writable, or ` +
        'name another with --root or CLIP_ORACLE_CACHE',
      { cause: error },
    );
  }
  return error instanceof Error && error.constructor === Error && !message.startsWith('download:')
    ? new Error(`download: ${message}`, { cause: error })
    : error;
}
