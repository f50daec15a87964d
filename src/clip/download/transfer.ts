// One request of a download: requests the missing bytes, checks that the response continues where the file ends,
// and appends what comes. It never decides whether the file is right (the digest does) and never tries again
// (download.ts does).
// Ranges: RFC 9110, sections 14 (Range, Content-Range, 416) and 13.1.5 (If-Range).

import type { PartFile } from './part-file.ts';

/** A failure that may pass: the connection broke, nothing came for too long, or the server was busy. */
export class Interruption extends Error {
  /** What the server asked for in Retry-After, in milliseconds. */
  readonly retryAfter: number | null;

  constructor(message: string, retryAfter: number | null = null, options?: ErrorOptions) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}

/** What the part holds cannot be the beginning of the file: start over. */
export class Unresumable extends Error {}

export interface TransferOptions {
  fetch: typeof globalThis.fetch;
  /** Milliseconds without a byte after which the connection counts as broken. */
  stallTimeout: number;
  /** No model is larger. */
  maxBytes: number;
  signal?: AbortSignal;
  onProgress?: (received: number, total: number | null) => void;
  /** Called before the first byte is written, with the number of bytes still to come, where the server says so. */
  beforeWriting?: (missing: number) => Promise<void>;
}

/** What is known about the file from earlier responses of the same server. */
export interface Known {
  etag: string | null;
  contentType: string | null;
}

/**
 * Fetches what is missing of `url` into `part`. Returns when the server says that it has sent everything.
 * @throws Interruption, Unresumable; Error for a response that will not change (404, 403, …); the signal's reason if
 *   aborted
 */
export async function transfer(url: string, part: PartFile, known: Known, options: TransferOptions): Promise<void> {
  const stall = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal;
  const stalled = (): void =>
    stall.abort(new Interruption(`nothing came from ${url} for ${options.stallTimeout / 1000} s`));
  let timer = setTimeout(stalled, options.stallTimeout);
  const sofar = part.size;
  try {
    const response = await options.fetch(url, { headers: headersFor(sofar, known), redirect: 'follow', signal });
    const total = await judge(response, url, part, known);
    if (total === 'complete') return;
    if ((total ?? 0) > options.maxBytes)
      throw new Error(`${url} announces ${total} bytes, which no CLIP model has; check the base URL`);
    if (total !== null) await options.beforeWriting?.(total - part.size);
    options.onProgress?.(part.size, total);
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      if (total !== null && part.size + chunk.length > total)
        throw new Unresumable(`${url} announced ${total} bytes and sent more`);
      if (part.size + chunk.length > options.maxBytes)
        throw new Error(`${url} sent more than ${options.maxBytes} bytes, which no CLIP model has; check the base URL`);
      await part.append(chunk);
      options.onProgress?.(part.size, total);
      timer = setTimeout(stalled, options.stallTimeout);
    }
    if (total !== null && part.size < total)
      throw new Interruption(`the connection ended after ${part.size} of ${total} bytes`);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (stall.signal.aborted) throw stall.signal.reason;
    throw isNetworkError(error)
      ? new Interruption(
          `the connection to ${new URL(url).host} failed after ${part.size} bytes (${reasonOf(error)})`,
          null,
          { cause: error },
        )
      : error;
  } finally {
    clearTimeout(timer);
    // Whatever is left of the body is not wanted: without this its socket would keep the process alive.
    stall.abort();
  }
}

function headersFor(sofar: number, known: Known): Record<string, string> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (sofar > 0) headers.range = `bytes=${sofar}-`;
  if (sofar > 0 && known.etag !== null) headers['if-range'] = known.etag;
  return headers;
}

/** What the response's head means: the total size, null if unknown, or that nothing is missing. */
async function judge(
  response: Response,
  url: string,
  part: PartFile,
  known: Known,
): Promise<number | null | 'complete'> {
  const { status } = response;
  const etag = response.headers.get('etag');
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
    if (!range || Number(range[1]) !== part.size) {
      throw new Unresumable(
        `${url} was asked for the bytes from ${part.size} and answered with Content-Range ` +
          `"${response.headers.get('content-range') ?? ''}"`,
      );
    }
    remember(known, etag, response);
    return range[3] === '*' ? null : Number(range[3]);
  }
  if (status === 200) {
    if (part.size > 0) await part.restart(); // the server does not do ranges, or the file is another one now
    remember(known, etag, response);
    const length = response.headers.get('content-length');
    return length !== null && /^\d+$/.test(length) && !response.headers.has('content-encoding') ? Number(length) : null;
  }
  if (status === 416) {
    const total = /^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (total !== undefined && Number(total) !== part.size)
      throw new Unresumable(`${url} has ${total} bytes, the unfinished file ${part.size}`);
    return 'complete';
  }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    throw new Interruption(
      `${url} answered ${status} ${response.statusText}`.trimEnd(),
      retryAfter(response.headers.get('retry-after')),
    );
  }
  throw new Error(
    `${url} answered ${status} ${response.statusText}`.trimEnd() +
      '; check the base URL, or put the file into the cache folder by hand',
  );
}

function remember(known: Known, etag: string | null, response: Response): void {
  known.etag = etag?.startsWith('"') ? etag : null; // weak tags do not promise equal bytes
  known.contentType = response.headers.get('content-type');
}

/** Retry-After in seconds or as a date, RFC 9110 10.2.3. */
function retryAfter(value: string | null): number | null {
  if (value === null) return null;
  const delay = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(delay) ? Math.max(0, delay) : null;
}

/** `fetch` reports a broken connection as a TypeError with a cause, and a malformed response likewise. */
function isNetworkError(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    (error.message === 'fetch failed' || error.message === 'terminated' || error.cause !== undefined)
  );
}

function reasonOf(error: unknown): string {
  const cause = (error as Error).cause as (Error & { code?: string }) | undefined;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}
