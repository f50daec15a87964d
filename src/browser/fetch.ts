// Files over the network, with progress, kept in the browser's Cache Storage where they may be. What is fetched becomes
// a Blob, which browsers keep out of the page's memory, on disk if it is large.

import { BUNDLED_VERSION, isBundled } from './assets.ts';

export interface Progress {
  /** Bytes so far. */
  readonly received: number;
  /** Bytes in all, or null where the server does not say. */
  readonly total: number | null;
}

export interface FetchOptions {
  /**
   * Keep it in Cache Storage, and take it from there the next time. Default true. Where there is no Cache Storage
   * (pages that are not secure), nothing is kept.
   */
  cache?: boolean;
  /** Called with the progress. */
  onProgress?: (progress: Progress) => void;
  /** Cancels: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** The name of the cache. Entries are found by their URL, and stay until `clearCache`. */
const CACHE = 'clip-oracle';
/** Chunks are gathered into a Blob from this many bytes on. */
const GATHERED = 16 << 20;

/**
 * @param what it should be, for messages: "weights", "a picture"
 * @throws Error that says why it cannot be fetched: no response (no network, or CORS), 404, a web page instead, cut off
 */
export async function fetchBlob(
  address: string | URL,
  what: string,
  { cache = true, onProgress, signal }: FetchOptions = {},
): Promise<Blob> {
  const url = absolute(address);
  signal?.throwIfAborted();
  const kept = cache && /^https?:/.test(url) ? await openCache() : null;
  const key = keyOf(url);
  const known = await kept?.match(key).catch(() => undefined);
  if (known !== undefined) {
    const blob = await known.blob();
    onProgress?.({ received: blob.size, total: blob.size });
    signal?.throwIfAborted();
    return blob;
  }
  const blob = await download(url, what, onProgress, signal);
  // A full disk is not an error: the file is in memory.
  await kept?.put(key, new Response(blob, { headers: { 'content-length': String(blob.size) } })).catch(() => undefined);
  return blob;
}

/**
 * What it is kept under. The package's own files with their version: their URL may stay the same when they change, and
 * kept ones of another version are not to be taken.
 */
function keyOf(url: string): string {
  if (!isBundled(url)) return url;
  const key = new URL(url);
  key.searchParams.set('clip-oracle', BUNDLED_VERSION);
  return key.href;
}

/** Takes one file out of the cache, because it turned out not to be what it should. */
export async function forget(address: string | URL): Promise<void> {
  await (await openCache())?.delete(keyOf(absolute(address)));
}

/** Removes everything that was kept. */
export async function clearCache(): Promise<void> {
  if (typeof caches !== 'undefined') await caches.delete(CACHE);
}

/** Null where the browser has no Cache Storage or refuses it (sandboxed frames, some private windows). */
async function openCache(): Promise<Cache | null> {
  return typeof caches === 'undefined' ? null : caches.open(CACHE).catch(() => null);
}

/** @throws RangeError for anything but a URL */
function absolute(address: string | URL): string {
  const base =
    (globalThis as { document?: { baseURI?: string } }).document?.baseURI ??
    (globalThis as { location?: { href?: string } }).location?.href;
  try {
    const url = new URL(address, base);
    url.hash = '';
    return url.href;
  } catch {
    throw new RangeError(`expected a URL, got "${String(address)}"; write it with its scheme, or relative to the page`);
  }
}

async function download(
  url: string,
  what: string,
  onProgress: FetchOptions['onProgress'],
  signal: AbortSignal | undefined,
): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    const foreign = isForeign(url);
    throw new Error(
      `"${url}" gave no answer (${messageOf(error)}); check the address and the network` +
        (foreign ? ', and that its server allows this page to read it (CORS: Access-Control-Allow-Origin)' : ''),
      { cause: error },
    );
  }
  if (!response.ok)
    throw new Error(
      `"${url}" answered ${response.status}${response.statusText === '' ? '' : ` ${response.statusText}`}, ` +
        `expected ${what}; check the address`,
    );
  const type = response.headers.get('content-type') ?? '';
  if (/^text\/html/i.test(type)) {
    await response.body?.cancel();
    throw new Error(
      `"${url}" is a web page (${type}), expected ${what}; servers send one for files that they do not have: ` +
        'check the address',
    );
  }
  const length = response.headers.get('content-length');
  // Compressed on the way, more arrives than was announced.
  const announced = length === null || response.headers.has('content-encoding') ? null : Number(length);
  const blob = await gather(response, url, announced, onProgress, signal);
  if (announced !== null && blob.size < announced) throw cutOff(url, blob.size, announced);
  return blob;
}

async function gather(
  response: Response,
  url: string,
  announced: number | null,
  onProgress: FetchOptions['onProgress'],
  signal: AbortSignal | undefined,
): Promise<Blob> {
  const reader = response.body!.getReader();
  const blobs: Blob[] = [];
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  let gathered = 0,
    received = 0;
  const pack = (): void => {
    blobs.push(new Blob(chunks));
    [chunks, gathered] = [[], 0];
  };
  for (;;) {
    let part: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
    try {
      part = await reader.read();
    } catch (error) {
      signal?.throwIfAborted();
      throw cutOff(url, received, announced, error);
    }
    if (part.done) break;
    chunks.push(part.value);
    gathered += part.value.length;
    received += part.value.length;
    if (gathered >= GATHERED) pack();
    onProgress?.({ received, total: announced !== null && received > announced ? null : announced });
  }
  pack();
  signal?.throwIfAborted();
  return new Blob(blobs);
}

const cutOff = (url: string, received: number, announced: number | null, cause?: unknown): Error =>
  new Error(
    `"${url}" was cut off after ${received}${announced === null ? '' : ` of ${announced}`} bytes; load it again`,
    { cause },
  );

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function isForeign(url: string): boolean {
  const { location } = globalThis as { location?: { origin?: string } };
  return location?.origin !== undefined && new URL(url).origin !== location.origin;
}
