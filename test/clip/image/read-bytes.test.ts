// Pictures from memory, data: URIs and the network, which only a given function may ask.

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { preprocessor, readImage, type ImageInput } from '../../../src/clip/image/preprocess.ts';
import type { FetchFunction } from '../../../src/clip/image/read-bytes.ts';
import { DEFAULT_LIMITS, setLimits } from '../../../src/formats/limits.ts';
import { IMAGES } from './support.ts';

const FILE = `${IMAGES}modes/rgb-420-odd.jpg`;
const bytes = new Uint8Array(readFileSync(FILE));
const base64 = Buffer.from(bytes).toString('base64');
const preprocess = preprocessor(16);

const response =
  (body: Uint8Array, status = 200, headers: Record<string, string> = {}): FetchFunction =>
  () =>
    Promise.resolve(new Response(body as Uint8Array<ArrayBuffer>, { status, headers }));

afterEach(() => setLimits(DEFAULT_LIMITS));

describe('the same pixels from', () => {
  test.each<[string, ImageInput]>([
    ['bytes', bytes],
    ['an ArrayBuffer', bytes.slice().buffer],
    ['a Blob', new Blob([bytes])],
    ['a File', new File([bytes], 'x.jpg')],
    ['a data: URI', `data:image/jpeg;base64,${base64}`],
    [
      'a data: URI with escapes and line breaks',
      `data:;base64,${encodeURIComponent(base64).replace(/.{70}/g, '$&\n')}`,
    ],
    [
      'a data: URI of percent codes',
      `data:image/jpeg,${[...bytes].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')}`,
    ],
    ['a file: URL', new URL(`file://${FILE}`)],
  ])('%s', async (_name, input) => {
    expect((await preprocess(input)).data).toEqual((await preprocess(FILE)).data);
  });
  test('a URL, with a function that fetches', async () => {
    const asked: string[] = [];
    const fetch: FetchFunction = (url, init) => {
      asked.push(url);
      return response(bytes)(url, init);
    };
    const x = await preprocess('https://example.org/a.jpg', { fetch });
    expect(x.data).toEqual((await preprocess(FILE)).data);
    expect((await preprocessor(16, { fetch })(new URL('http://example.org/b'))).data).toEqual(x.data);
    expect(asked).toEqual(['https://example.org/a.jpg', 'http://example.org/b']);
  });
});

describe('is refused in a sentence:', () => {
  const url = 'https://example.org/a.jpg';
  test.each<[string, ImageInput, FetchFunction | undefined, RegExp]>([
    [
      'a URL without permission',
      url,
      undefined,
      /^https:\/\/example\.org\/a\.jpg: URLs are not fetched by default; allow it with --allow-urls, .* the option fetch/,
    ],
    ['404', url, response(bytes, 404), /a\.jpg: the server answered 404 .*; check the address$/],
    [
      'a web page',
      url,
      response(Buffer.from('<!doctype html><html>')),
      /expected a JPEG, .* the server sent an HTML page/,
    ],
    ['an empty answer', url, response(new Uint8Array(0)), /the server sent nothing/],
    [
      'a part',
      url,
      response(bytes, 200, { 'content-length': '5000' }),
      /cut off after \d+ of 5000 bytes; fetch it again$/,
    ],
    [
      'no answer',
      url,
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ENOTFOUND') })),
      /no answer \(fetch failed: ENOTFOUND\)/,
    ],
    [
      'a damaged picture',
      url,
      response(bytes.subarray(0, 900)),
      /^https:\/\/example\.org\/a\.jpg: JPEG: the file ends after 900 bytes/,
    ],
    ['a data: URI without a comma', 'data:image/png;base64', undefined, /without a comma/],
    ['a data: URI that is no base64', 'data:image/png;base64,@@@', undefined, /not valid base64/],
    [
      'another scheme',
      new URL('ftp://example.org/a.jpg'),
      undefined,
      /expected a file:, https: or data: URL, got ftp:/,
    ],
  ])('%s', async (_name, input, fetch, message) => {
    const error = await readImage(input, { fetch }).catch((reason: unknown) => reason as Error);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });
  test('more bytes than the limit, announced or not', async () => {
    setLimits({ imageBytes: 1000 });
    const long = new Blob([bytes]);
    await expect(readImage(long)).rejects.toThrow(/--limit imageBytes=…/);
    await expect(readImage(`data:;base64,${base64}`)).rejects.toThrow(/--limit imageBytes=…/);
    for (const headers of [undefined, { 'content-length': String(bytes.length) }])
      await expect(readImage(url, { fetch: response(bytes, 200, headers) })).rejects.toThrow(
        /^https:\/\/example\.org\/a\.jpg: image: \d+ bytes are more than any picture has; .*--limit imageBytes=…/,
      );
  });
  test('an answer that takes too long, and the fetch is ended', async () => {
    let ended = false;
    const fetch: FetchFunction = (_url, { signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          ended = true;
        });
      });
    await expect(readImage(url, { fetch, fetchTimeout: 20 })).rejects.toThrow(/no complete answer after 20 ms/);
    expect(ended).toBe(true);
  });
  test.each<[unknown, RegExp]>([
    [5, /^image: expected a path, a URL, .* got number$/],
    [null, /got null$/],
    [{ a: 1 }, /got Object$/],
  ])('%s', async (input, message) => {
    await expect(readImage(input as ImageInput)).rejects.toThrow(message);
  });
  test('options of a wrong kind', async () => {
    await expect(readImage(url, { fetch: 'yes' as never })).rejects.toThrow(/"fetch" expected a function/);
    await expect(readImage(url, { fetch: response(bytes), fetchTimeout: 0 })).rejects.toThrow(
      /"fetchTimeout" expected/,
    );
  });
});
