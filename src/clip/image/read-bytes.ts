// The bytes of a picture, from wherever it is: a file, memory, a `data:` URI, or the network where the caller gives a
// function that fetches.

import { host } from '#host/pictures';
import { formatName, SIGNATURE_BYTES } from '../../formats/signatures.ts';
import { checkBytes } from './decode.ts';
import { isPicture } from './sniff.ts';

/** A file as a path, a `data:` URI or a URL; its bytes; a Blob or File. */
export type FileInput = string | URL | Uint8Array | ArrayBuffer | Blob;

/** What is used of `fetch`, so that any client can be given. */
export type FetchFunction = (
  url: string,
  init: { signal: AbortSignal },
) => Promise<{
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
}>;

export interface ReadOptions {
  /**
   * Fetches `https:` and `http:` URLs: `globalThis.fetch`, or a function that decides which addresses may be asked.
   * Default: none, URLs are refused.
   */
  fetch?: FetchFunction;
  /** Milliseconds that a picture over the network may take. Default 30,000. */
  fetchTimeout?: number;
}

interface NamedBytes {
  bytes: Uint8Array;
  /** What errors about the content begin with; null without. */
  name: string | null;
}

/**
 * The bytes of a picture; null for a value of another kind.
 * @throws Error that says in a sentence why they cannot be had; TypeError or RangeError for wrong options
 */
export async function bytesOf(input: unknown, options: ReadOptions): Promise<NamedBytes | null> {
  if (input instanceof Uint8Array) return { bytes: input, name: null };
  if (input instanceof ArrayBuffer) return { bytes: new Uint8Array(input), name: null };
  if (typeof Blob !== 'undefined' && input instanceof Blob) {
    checkBytes(input.size);
    const { name } = input as { name?: unknown };
    return { bytes: new Uint8Array(await input.arrayBuffer()), name: typeof name === 'string' ? name : null };
  }
  if (typeof input !== 'string' && !(input instanceof URL)) return null;
  const address = String(input);
  if (/^data:/i.test(address)) return { bytes: dataBytes(address), name: null };
  if (/^https?:\/\//i.test(address)) return { bytes: await fetched(address, options), name: shortened(address) };
  const path = input instanceof URL ? filePath(input) : address;
  return { bytes: await host.readFile(path), name: path };
}

/** The path that a `file:` URL names. */
function filePath(url: URL): string {
  if (url.protocol !== 'file:')
    throw new Error(`${shortened(url.href)}: expected a file:, https: or data: URL, got ${url.protocol}; give bytes`);
  const path = decodeURIComponent(url.pathname);
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}

const shortened = (address: string): string => (address.length > 100 ? `${address.slice(0, 97)}...` : address);

/** The bytes of `data:[type][;base64],…`. @throws Error if it is not one, or too long */
function dataBytes(uri: string): Uint8Array {
  const comma = uri.indexOf(',');
  if (comma < 0)
    throw new Error('image: a data: URI without a comma holds nothing; expected data:image/png;base64,… and the bytes');
  const body = uri.slice(comma + 1);
  checkBytes(Math.floor((body.length * 3) / 4));
  try {
    const text = /;\s*base64\s*$/i.test(uri.slice(0, comma))
      ? atob(decodeURIComponent(body.replace(/\s/g, '')).replaceAll('-', '+').replaceAll('_', '/'))
      : body.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    return Uint8Array.from(text, (letter) => {
      if (letter.charCodeAt(0) > 255) throw new Error('a character that is no byte');
      return letter.charCodeAt(0);
    });
  } catch (error) {
    throw new Error('image: the data: URI is not valid base64; copy it again, whole', { cause: error });
  }
}

/** A picture over the network: not more bytes than the limit, not longer than the timeout, nothing but a picture. */
async function fetched(url: string, { fetch, fetchTimeout = 30_000 }: ReadOptions): Promise<Uint8Array> {
  const name = shortened(url);
  if (fetch === undefined)
    throw new Error(
      `${name}: URLs are not fetched by default; allow it with --allow-urls, in a program with the option fetch ` +
        '({ fetch: globalThis.fetch }), or download it first',
    );
  if (typeof fetch !== 'function')
    throw new TypeError(`image: "fetch" expected a function like globalThis.fetch, got ${typeof fetch}`);
  if (!(typeof fetchTimeout === 'number' && fetchTimeout > 0))
    throw new RangeError(`image: "fetchTimeout" expected milliseconds above 0, got ${String(fetchTimeout)}`);
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), fetchTimeout);
  const stopped = new Promise<never>((_, reject) => {
    control.signal.addEventListener('abort', () => reject(new Error('timeout')));
  });
  stopped.catch(() => undefined);
  try {
    return await Promise.race([download(url, name, fetch, control.signal), stopped]);
  } catch (error) {
    if (control.signal.aborted)
      throw new Error(
        `${name}: no complete answer after ${fetchTimeout} ms; try again, or allow more time with fetchTimeout`,
        { cause: error },
      );
    throw error;
  } finally {
    clearTimeout(timer);
    control.abort(); // ends what is still arriving
  }
}

async function download(url: string, name: string, fetch: FetchFunction, signal: AbortSignal): Promise<Uint8Array> {
  let response: Awaited<ReturnType<FetchFunction>>;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
    throw new Error(`${name}: no answer (${reason}); check the address and the network`, { cause: error });
  }
  if (!response.ok)
    throw new Error(`${name}: the server answered ${response.status} ${response.statusText}; check the address`);
  const announced = Number(response.headers.get('content-length') ?? 0);
  named(name, () => checkBytes(announced));
  const parts: Uint8Array[] = [];
  let length = 0,
    known = false;
  for (const reader = response.body?.getReader(); reader !== undefined;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    named(name, () => checkBytes(length));
    if (known || length < SIGNATURE_BYTES) continue;
    checkContent(name, joined(parts, length));
    known = true;
  }
  const bytes = joined(parts, length);
  if (!known) checkContent(name, bytes);
  const encoded = response.headers.get('content-encoding');
  if (announced > length && (encoded === null || encoded === 'identity'))
    throw new Error(`${name}: cut off after ${length} of ${announced} bytes; fetch it again`);
  return bytes;
}

/** Runs a check whose error does not name the file. */
function named(name: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

function checkContent(name: string, bytes: Uint8Array): void {
  if (isPicture(bytes)) return;
  const what = bytes.length === 0 ? 'nothing' : (formatName(bytes) ?? 'an unknown format');
  throw new Error(`${name}: expected a JPEG, PNG, WebP, GIF, BMP or TIFF, the server sent ${what}; check the address`);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0];
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
