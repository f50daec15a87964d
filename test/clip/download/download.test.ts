// Downloads against a local server that does, one by one, what servers and networks do. The judge is node:crypto's
// digest of bytes that the test itself made, and the bytes on disk.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fork } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  cachedPath,
  cacheFolder,
  cachePath,
  download,
  type DownloadOptions,
  type DownloadProgress,
} from '../../../src/clip/download/download.ts';
import { MODELS } from '../../../src/clip/models.ts';
import { SCHEDULED } from '../../support/scheduled.ts';

const BYTES = randomBytes(300_000);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const MODEL = { name: 'fake', file: 'fake.pt', sha256: sha256(BYTES) };

let server: Server;
let baseUrl: string;
let folder: string;
/** What the server does: called with the number of the request. */
let behave: (request: IncomingMessage, response: ServerResponse, count: number) => void;
let requests: IncomingMessage[];

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request);
    behave(request, response, requests.length);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clip-oracle-download-'));
  requests = [];
  behave = ranges;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A server as it should be: whole files, ranges, 416. */
function ranges(
  request: IncomingMessage,
  response: ServerResponse,
  _count = 0,
  bytes: Uint8Array = BYTES,
  send = bytes.length,
): void {
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = from ? Number(from[1]) : 0;
  if (start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(from ? 206 : 200, {
    'content-length': bytes.length - start,
    etag: '"one"',
    ...(from ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  const end = Math.min(bytes.length, start + send);
  if (end === bytes.length) response.end(bytes.subarray(start));
  // A break discards what the client has not read yet: leave it the time to read, on a busy machine too.
  else response.write(bytes.subarray(start, end), () => setTimeout(() => response.destroy(), 200));
}

const options = (more: DownloadOptions = {}): DownloadOptions => ({ root: folder, baseUrl, retryDelay: 1, ...more });
const get = (more: DownloadOptions = {}): Promise<string> => download(MODEL, options(more));
const files = (): Promise<string[]> => readdir(folder);
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );
const rangesAsked = (): (string | undefined)[] => requests.map((request) => request.headers.range);

describe('a good server', () => {
  test('the file lies under its final name, alone, with every byte', async () => {
    const path = await get();
    expect(path).toBe(join(folder, 'fake.pt'));
    expect((await readFile(path)).equals(BYTES)).toBe(true);
    expect(await files()).toEqual(['fake.pt']);
    expect(requests[0].url).toBe(`/models/${MODEL.sha256}/fake.pt`);
  });

  test('progress rises from nothing to everything', async () => {
    const seen: DownloadProgress[] = [];
    await get({ onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ phase: 'transfer', received: BYTES.length, total: BYTES.length });
    expect(seen.every((progress, i) => i === 0 || progress.received >= seen[i - 1].received)).toBe(true);
  });

  test('a file that is there is not asked for again, however the base URL ends', async () => {
    await get({ baseUrl: `${baseUrl}//` });
    await get();
    expect(requests.length).toBe(1);
  });

  test('verify finds a changed file of the same size and fetches it anew', async () => {
    const wrong = Uint8Array.from(BYTES);
    wrong[1234] ^= 1;
    await writeFile(join(folder, 'fake.pt'), wrong);
    await get();
    expect(requests.length).toBe(0);
    await get({ verify: true });
    expect(requests.length).toBe(1);
    expect((await readFile(join(folder, 'fake.pt'))).equals(BYTES)).toBe(true);
    await get({ verify: true });
    expect(requests.length).toBe(1);
  });

  test('a redirect is followed, with the range', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES.subarray(0, 1000));
    behave = (request, response) =>
      request.url!.startsWith('/models')
        ? response.writeHead(302, { location: '/elsewhere' }).end()
        : ranges(request, response);
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
    expect(rangesAsked()).toEqual(['bytes=1000-', 'bytes=1000-']);
  });

  test('no Content-Length (chunked): works, and the total is unknown', async () => {
    behave = (_request, response) => {
      response.writeHead(200);
      response.write(BYTES.subarray(0, 5000));
      response.end(BYTES.subarray(5000));
    };
    const seen: DownloadProgress[] = [];
    expect((await readFile(await get({ onProgress: (progress) => seen.push(progress) }))).equals(BYTES)).toBe(true);
    expect(seen.at(-1)!.total).toBe(null);
  });
});

describe('resuming', () => {
  test('a part of an earlier run is continued, not fetched again', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES.subarray(0, 123_456));
    const seen: DownloadProgress[] = [];
    expect((await readFile(await get({ onProgress: (progress) => seen.push(progress) }))).equals(BYTES)).toBe(true);
    expect(rangesAsked()).toEqual(['bytes=123456-']);
    expect(seen[0]).toEqual({ phase: 'hash', received: 123_456, total: 123_456 });
    expect(await files()).toEqual(['fake.pt']);
  });

  test('a part that is already whole needs no request', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES);
    await get();
    expect(requests.length).toBe(0);
    expect(await files()).toEqual(['fake.pt']);
  });

  test('the part of a killed process is continued; that of a living one is not touched', async () => {
    const host = hostname().replace(/[^A-Za-z0-9.]/g, '_');
    await writeFile(join(folder, `fake.pt.part-${host}-99999999-0`), BYTES.subarray(0, 1000));
    await writeFile(join(folder, `fake.pt.part-${host}-${process.ppid}-0`), BYTES.subarray(0, 2000));
    await get();
    expect(rangesAsked()).toEqual(['bytes=1000-']);
    expect((await files()).sort()).toEqual(['fake.pt', `fake.pt.part-${host}-${process.ppid}-0`].sort());
  });

  test('a server that ignores ranges: everything is fetched, nothing is appended', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES.subarray(0, 1000));
    behave = (_request, response) => response.end(BYTES);
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
  });

  test('416 because the part is longer than the file: starts over', async () => {
    await writeFile(join(folder, 'fake.pt.part'), Buffer.concat([BYTES, BYTES]));
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
    expect(rangesAsked()).toEqual([`bytes=${2 * BYTES.length}-`, undefined]);
  });

  test('416 with no size, and a part of the right size with wrong bytes: starts over', async () => {
    await writeFile(join(folder, 'fake.pt.part'), Buffer.alloc(BYTES.length));
    behave = (request, response) => (request.headers.range ? response.writeHead(416).end() : ranges(request, response));
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
  });

  test('a part with wrong bytes costs one more download, not an error', async () => {
    await writeFile(join(folder, 'fake.pt.part'), Buffer.alloc(1000));
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
    expect(rangesAsked()).toEqual(['bytes=1000-', undefined]);
  });

  test('a Content-Range that starts elsewhere is not believed', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES.subarray(0, 1000));
    behave = (request, response) =>
      request.headers.range
        ? response
            .writeHead(206, { 'content-range': `bytes 500-${BYTES.length - 1}/${BYTES.length}` })
            .end(BYTES.subarray(500))
        : ranges(request, response);
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
  });

  test('the file changed between two attempts (If-Range): starts over instead of mixing', async () => {
    const other = randomBytes(BYTES.length);
    behave = (request, response, count) => {
      if (count === 1) ranges(request, response, count, other, 5000);
      else if (request.headers['if-range'] === '"one"') response.writeHead(200, { etag: '"two"' }).end(BYTES);
      else response.writeHead(500).end();
    };
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
    expect(requests.length).toBe(2);
  });
});

describe('a bad connection', SCHEDULED, () => {
  test('each break is continued where it happened', async () => {
    behave = (request, response, count) => ranges(request, response, count, BYTES, count < 4 ? 40_000 : Infinity);
    const retries: number[] = [];
    expect((await readFile(await get({ onRetry: (_error, attempt) => retries.push(attempt) }))).equals(BYTES)).toBe(
      true,
    );
    expect(requests.length).toBe(4);
    expect(requests[1].headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(retries).toEqual([1, 2, 3]);
  });

  test('breaks without end: gives up, keeps the part, and says so', async () => {
    behave = (request, response, count) => ranges(request, response, count, BYTES, count === 1 ? 40_000 : 0);
    const message = await messageOf(get({ retries: 2 }));
    expect(message).toMatch(
      /^download: .*gave up after 3 attempts\. \d+ bytes are kept: the same command continues there$/,
    );
    expect(await files()).toEqual(['fake.pt.part']);
    expect((await stat(join(folder, 'fake.pt.part'))).size).toBeGreaterThan(0);
  });

  test('Content-Length larger than what comes: a break, then the truth', async () => {
    behave = (request, response, count) => {
      if (count > 1) {
        ranges(request, response);
        return;
      }
      response.writeHead(200, { 'content-length': BYTES.length + 999 });
      response.write(BYTES, () => response.destroy());
    };
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
  });

  test('Content-Length smaller than the file: caught by the digest, no file stays', async () => {
    behave = (_request, response) => response.writeHead(200, { 'content-length': 1000 }).end(BYTES.subarray(0, 1000));
    const message = await messageOf(get());
    expect(message).toContain(MODEL.sha256);
    expect(message).toContain(sha256(BYTES.subarray(0, 1000)));
    expect(await files()).toEqual([]);
  });

  test('more bytes on the wire than Content-Length announces: the surplus reaches no file', async () => {
    behave = (_request, response) => {
      response.socket!.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BYTES.length}\r\n\r\n`);
      response.socket!.end(Buffer.concat([BYTES, Buffer.alloc(5000)]));
    };
    const result = await get({ retries: 1 }).then(
      (path) => readFile(path),
      (error: Error) => error,
    );
    if (result instanceof Error) expect(result.message).toMatch(/^download: /);
    else expect(result.equals(BYTES)).toBe(true);
  });

  test('more bytes than the range announces: refused, nothing stays', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES.subarray(0, 1000));
    behave = (_request, response) => {
      response.writeHead(206, {
        'content-range': `bytes 1000-${BYTES.length - 1}/${BYTES.length}`,
        'transfer-encoding': 'chunked',
      });
      response.end(Buffer.concat([BYTES.subarray(1000), Buffer.alloc(77)]));
    };
    expect(await messageOf(get())).toMatch(/sent more|Content-Range/);
    expect(await files()).toEqual([]);
  });

  test('a server that falls silent is left after the stall timeout, and the rest is fetched', async () => {
    behave = (request, response, count) => {
      if (count > 1) {
        ranges(request, response);
        return;
      }
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 1000));
    };
    const reasons: string[] = [];
    expect(
      (await readFile(await get({ stallTimeout: 60, onRetry: (error) => reasons.push(error.message) }))).equals(BYTES),
    ).toBe(true);
    expect(reasons[0]).toContain('nothing came');
    expect(requests[1].headers.range).toBe('bytes=1000-');
  });

  test('a server that never answers', async () => {
    behave = () => undefined;
    expect(await messageOf(get({ stallTimeout: 30, retries: 1 }))).toMatch(
      /nothing came from .* for 0\.03 s; gave up after 2 attempts\. Check the connection/,
    );
    expect(await files()).toEqual([]);
  });

  test('nobody listens there', async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, '127.0.0.1', done));
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    expect(await messageOf(get({ baseUrl: `http://127.0.0.1:${port}`, retries: 1 }))).toMatch(
      /^download: the connection to 127\.0\.0\.1:\d+ failed after 0 bytes \(ECONNREFUSED\); gave up after 2 attempts/,
    );
  });

  test.each([[500], [502], [503], [429], [408]])('%i passes: tried again', async (status) => {
    behave = (request, response, count) => {
      if (count < 3) response.writeHead(status, { 'retry-after': '0' }).end('busy');
      else ranges(request, response);
    };
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
    expect(requests.length).toBe(3);
  });

  test.each([[400], [401], [403], [404], [410]])('%i does not pass: one request, one sentence', async (status) => {
    behave = (_request, response) => response.writeHead(status).end('<html>');
    const message = await messageOf(get());
    expect(message).toMatch(
      new RegExp(
        `^download: http://127.*/fake\\.pt answered ${status} .*; check the base URL, or put the file into the ` +
          'cache folder by hand$',
      ),
    );
    expect(requests.length).toBe(1);
    expect(await files()).toEqual([]);
  });
});

describe('wrong bytes', () => {
  test('the part is removed; the error has both digests and the address', async () => {
    const wrong = randomBytes(5000);
    behave = (request, response) => ranges(request, response, 0, wrong);
    const message = await messageOf(get());
    expect(message).toContain(`expected SHA-256 ${MODEL.sha256}, got ${sha256(wrong)} (5000 bytes`);
    expect(message).toContain(baseUrl);
    expect(await files()).toEqual([]);
    expect(requests.length).toBe(1);
  });

  test('a page instead of a file is named as such', async () => {
    behave = (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>please log in</h1>');
    expect(await messageOf(get())).toContain('22 bytes of text/html');
  });

  test('a wrong file under the final name is not replaced before the right one is whole', async () => {
    await writeFile(join(folder, 'fake.pt'), 'old');
    behave = (_request, response) => response.writeHead(404).end();
    await messageOf(get({ verify: true }));
    expect(await readFile(join(folder, 'fake.pt'), 'utf8')).toBe('old');
  });

  test('an announced size that no model has is refused before a byte is written', async () => {
    behave = (_request, response) => {
      response.writeHead(200, { 'content-length': 1e12 });
      response.write('x');
    };
    expect(await messageOf(get())).toContain('no CLIP model has');
    expect(await files()).toEqual([]);
  });
});

describe('the cache folder', () => {
  test('it is made, with its parents', async () => {
    await get({ root: join(folder, 'a', 'b') });
    expect((await readFile(join(folder, 'a', 'b', 'fake.pt'))).equals(BYTES)).toBe(true);
  });

  test('it cannot be written: says where, why, and what to do', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await messageOf(get({ root: join(folder, 'file', 'clip') }))).toMatch(
      /^download: cannot write fake\.pt into the cache folder .*file.clip \((ENOTDIR|EEXIST): [^)]*\); make it writable, or name another with --root or CLIP_ORACLE_CACHE$/,
    );
    expect(requests.length).toBe(0);
  });

  test.skipIf(process.platform !== 'linux')('the disk is full', async () => {
    await symlink('/dev/full', join(folder, 'fake.pt.part'));
    expect(await messageOf(get())).toMatch(/^download: no space for fake\.pt in .*; free some, or name another folder/);
  });

  test('a folder under the final name', async () => {
    await mkdir(join(folder, 'fake.pt'));
    expect(await messageOf(get())).toMatch(/^download: cannot write fake\.pt into the cache folder/);
    expect(await files()).toContain('fake.pt');
  });

  test("CLIP_ORACLE_CACHE names it, an option overrules, else it is the one of OpenAI's package", () => {
    const before = process.env.CLIP_ORACLE_CACHE;
    try {
      process.env.CLIP_ORACLE_CACHE = folder;
      expect(cachePath('RN50')).toBe(join(folder, 'RN50.pt'));
      expect(cachePath('RN50', '/elsewhere')).toBe(join('/elsewhere', 'RN50.pt'));
      delete process.env.CLIP_ORACLE_CACHE;
      expect(cacheFolder()).toMatch(/[/\\]\.cache[/\\]clip$/);
      expect(cachePath('ViT-L/14@336px')).toMatch(/clip[/\\]ViT-L-14-336px\.pt$/);
    } finally {
      if (before === undefined) delete process.env.CLIP_ORACLE_CACHE;
      else process.env.CLIP_ORACLE_CACHE = before;
    }
  });

  test("cachedPath knows a whole file from none, and from one that OpenAI's package broke off", async () => {
    expect(cachedPath(MODEL, folder)).toBe(null);
    await get();
    expect(cachedPath(MODEL, folder)).toBe(join(folder, 'fake.pt'));
    await writeFile(join(folder, 'RN50.pt'), 'the beginning of a file');
    expect(cachedPath('RN50', folder)).toBe(null);
    expect(cachedPath('mini-vit', folder)).toBe(null);
    expect(cachedPath('no such model', folder)).toBe(null);
  });
});

describe('abort', SCHEDULED, () => {
  test('before it starts', async () => {
    await expect(get({ signal: AbortSignal.abort(new Error('changed my mind')) })).rejects.toThrow('changed my mind');
    expect(requests.length).toBe(0);
  });

  test('in the middle: what came stays, and the next run continues', async () => {
    const controller = new AbortController();
    behave = (request, response) => {
      if (request.headers.range) {
        ranges(request, response);
        return;
      }
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 50_000));
    };
    const running = get({
      signal: controller.signal,
      onProgress: ({ received }) => {
        if (received === 50_000) controller.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(await readFile(join(folder, 'fake.pt.part'))).toEqual(BYTES.subarray(0, 50_000));
    expect((await readFile(await get())).equals(BYTES)).toBe(true);
    expect(rangesAsked()).toEqual([undefined, 'bytes=50000-']);
  });

  test('while waiting for the next attempt', async () => {
    behave = (_request, response) => response.writeHead(503).end();
    const controller = new AbortController();
    await expect(
      get({ signal: controller.signal, retryDelay: 60_000, onRetry: () => controller.abort(new Error('not waiting')) }),
    ).rejects.toThrow('not waiting');
  });
});

describe('two at once', SCHEDULED, () => {
  test('in one process: both get the right file', async () => {
    const paths = await Promise.all([get(), get(), get()]);
    expect(new Set(paths).size).toBe(1);
    expect((await readFile(paths[0])).equals(BYTES)).toBe(true);
    expect(await files()).toEqual(['fake.pt']);
  });

  test('in three processes that share a part: the outcome is right and nothing else is left', async () => {
    await writeFile(join(folder, 'fake.pt.part'), BYTES.subarray(0, 1000));
    behave = (request, response) => setTimeout(() => ranges(request, response), 100);
    const program = `const { download } = await import(${JSON.stringify(new URL('../../../dist/src/clip/download/download.js', import.meta.url).href)});
      await download(${JSON.stringify(MODEL)}, ${JSON.stringify(options())});`;
    const script = join(folder, 'run.mjs');
    await writeFile(script, program);
    const codes = await Promise.all(
      [1, 2, 3].map(() => new Promise((done) => fork(script, { stdio: 'inherit' }).on('exit', done))),
    );
    expect(codes).toEqual([0, 0, 0]);
    expect((await readFile(join(folder, 'fake.pt'))).equals(BYTES)).toBe(true);
    expect((await files()).sort()).toEqual(['fake.pt', 'run.mjs']);
    expect(rangesAsked().filter((range) => range === 'bytes=1000-').length).toBe(1);
  });
});

describe('names', () => {
  test.each([
    ['RN51', /"model" expected one of RN50, RN101, .*ViT-L\/14@336px, got "RN51"$/],
    ['mini-vit', /comes with the package and needs no download$/],
    ['tiny-rn', /synthetic weights only: load it with "synthetic:0"$/],
  ])('%s', async (name, message) => {
    const error = await download(name, options()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(message);
  });

  test.each(['', 'ftp://host', 'host/models', '/models'])('base URL %j', async (url) => {
    await expect(get({ baseUrl: url })).rejects.toThrow(/"baseUrl" expected an http or https address/);
  });

  test('the nine have a file and a digest of 64 digits each, all different', () => {
    const nine = MODELS.filter((model) => model.file);
    expect(nine.length).toBe(9);
    expect(new Set(nine.map((model) => model.sha256)).size).toBe(9);
    expect(nine.every((model) => /^[0-9a-f]{64}$/.test(model.sha256!))).toBe(true);
  });
});
