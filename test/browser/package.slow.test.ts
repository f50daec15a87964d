// The library in real browsers: through Vite and through an import map, in pages with shared memory and without. `npm
// run test:slow -- package`. Needs Chromium and Firefox (Debian: apt-get install chromium firefox-esr), found by
// CHROMIUM and FIREFOX or in the usual places; where one is missing, its tests are skipped with a notice.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLIPModel, load, preprocessor, tokenize } from '../../src/index.ts';
import type * as Library from '../../src/browser/index.ts';
import { neededBrowser } from '../support/needs.ts';
import { serveFaulty, type Answer, type FaultyServer } from '../support/faulty-server.ts';

type Api = typeof Library;
/** What the pages under test have: the library, and every worker that it started. */
declare const lib: Api, workers: { terminate(): void }[];

const BROWSERS = { chrome: neededBrowser('chrome'), firefox: neededBrowser('firefox') };

const root = fileURLToPath(new URL('../../', import.meta.url));
const PICTURES = [
  'pictures/pizza.jpg',
  'pictures/penguin.png',
  'images/coffee-cmyk.jpg',
  'images/coffee-alpha.webp',
  'images/coffee-palette.png',
  'images/camera-gray.jpg',
  'images/coffee-progressive.jpg',
];
const TEXTS = ['a photo of a dog', 'caf&eacute; &amp; thé', '日本語 👍🏽'];
const WEIGHTS = readFileSync(join(root, 'fixtures/bundled/mini-vit.safetensors.gz'));
const SMALL = readFileSync(join(root, 'fixtures/bundled/demo-rn50.safetensors'));

const bits = (data: ArrayBufferView): number[] => [
  ...new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
];

/** By Node, on one thread. */
interface Expected {
  mini: number[][];
  tiny: number[][];
  inputs: number[][];
  text: number[];
  tokens: number[];
  logits: number[];
}
async function inNode(): Promise<Expected> {
  const { model, preprocess } = await load('mini-vit', { threads: 1 });
  const { model: tiny, preprocess: small } = await load('tiny-vit', { threads: 1 });
  const expected: Expected = { mini: [], tiny: [], inputs: [], text: [], tokens: [], logits: [] };
  const large = preprocessor(224);
  for (const path of PICTURES) {
    const file = join(root, 'fixtures', path);
    expected.mini.push(bits((await model.encodeImage(await preprocess(file))).data as Float32Array));
    expected.tiny.push(bits((await tiny.encodeImage(await small(file))).data as Float32Array));
    expected.inputs.push(bits((await large(file)).data));
  }
  const tokens = tokenize(TEXTS);
  expected.tokens = [...tokens.data];
  expected.text = bits((await model.encodeText(tokens)).data as Float32Array);
  await Promise.all([model.close(), tiny.close()]);
  const headed = await CLIPModel.load('mini-vit', { head: join(root, 'fixtures/bundled/emoji-head.pth'), threads: 1 });
  expected.logits = bits(
    (await headed.forward(await headed.preprocess(join(root, 'fixtures', PICTURES[0])))).data as Float32Array,
  );
  await headed.close();
  return expected;
}

/** Keeps hold of the workers, so that they can be killed from outside the library. */
const WATCH =
  'globalThis.workers = []; globalThis.Worker = class extends Worker { constructor(...all) { super(...all); ' +
  'workers.push(this); } };';
const PAGE = (script: string, head = ''): string =>
  '<!doctype html><meta charset="utf-8"><link rel="icon" ' +
  `href="data:,"><title>test</title>${head}<script>${WATCH}</script><script type="module" ${script}</script>`;
const MODULE = 'import * as lib from "clip-oracle"; globalThis.lib = lib;';
const IMPORT_MAP = JSON.stringify({
  imports: {
    'clip-oracle': '/package/dist/browser/clip-oracle.js',
    '@jsquash/jpeg/': '/package/node_modules/@jsquash/jpeg/',
    '@jsquash/webp/': '/package/node_modules/@jsquash/webp/',
  },
});

const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-browser-'));
const at = (path: string): string => join(folder, path);
let expected: Expected;

beforeAll(async () => {
  // Somebody's project, where clip-oracle is installed. Vite's defaults, for all that is set.
  mkdirSync(at('project/node_modules'), { recursive: true });
  symlinkSync(root, at('project/node_modules/clip-oracle'), 'dir');
  writeFileSync(at('project/index.html'), PAGE('src="/main.js">'));
  writeFileSync(at('project/main.js'), MODULE);
  await build({
    root: at('project'),
    configFile: false,
    logLevel: 'warn',
    build: { outDir: at('vite'), emptyOutDir: true },
  });
  for (const [name, map] of [
    ['map', IMPORT_MAP],
    ['bare', JSON.stringify({ imports: { 'clip-oracle': '/package/dist/browser/clip-oracle.js' } })],
  ]) {
    mkdirSync(at(name));
    writeFileSync(at(`${name}/index.html`), PAGE(`>${MODULE}`, `<script type="importmap">${map}</script>`));
  }
  expected = await inNode();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const send =
  (bytes: Uint8Array, headers: Record<string, string | number> = {}): Answer =>
  (response) => {
    response.writeHead(200, { 'Content-Length': bytes.length, ...headers }).end(bytes);
  };
const CONFIGURATION = '{"vision_config": {"hidden_act": "relu"}}';
const answers: Record<string, Answer> = {
  '/page': (response) => {
    response
      .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
      .end('<!doctype html><title>Sign in</title>');
  },
  '/page-in-disguise': send(Buffer.from('<!doctype html><title>Sign in</title>')),
  '/half': send(WEIGHTS.subarray(0, WEIGHTS.length >> 1)),
  '/half.safetensors': send(SMALL.subarray(0, SMALL.length >> 1)),
  // The connection ends in the middle.
  '/cut': (response) => {
    response.writeHead(200, { 'Content-Length': WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 100_000));
    setTimeout(() => response.destroy(), 200);
  },
  // Never ends.
  '/slow': (response) => {
    response.writeHead(200, { 'Content-Length': WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 100_000));
  },
  // Some servers unpack .gz on the way.
  '/encoded': send(WEIGHTS, { 'Content-Encoding': 'gzip' }),
  '/weights': send(WEIGHTS),
  '/named/model.safetensors': send(WEIGHTS),
  '/named/config.json': send(Buffer.from(CONFIGURATION)),
  '/large/model.safetensors': send(WEIGHTS),
  '/large/config.json': send(Buffer.from(CONFIGURATION.padEnd(2 << 20))),
};

describe.each(['chrome', 'firefox'] as const)('%s', (name) => {
  describe.skipIf(BROWSERS[name] === undefined)('computes', () => {
    let browser: Browser;
    const servers: FaultyServer[] = [];
    let complaints: string[] = [];

    beforeAll(async () => {
      browser = await puppeteer.launch({
        browser: name,
        executablePath: BROWSERS[name],
        headless: true,
        args: name === 'chrome' ? ['--no-sandbox'] : [],
      });
    });
    afterAll(() => browser?.close());
    afterEach(async () => {
      for (const page of await browser.pages()) if (page.url().startsWith('http')) await page.close();
      for (const server of servers.splice(0)) await server.close();
    });

    async function serve(way: string, isolated: boolean): Promise<FaultyServer> {
      const server = await serveFaulty(
        { '/package/': root, '/fixtures/': join(root, 'fixtures/'), '/': at(way) + '/' },
        isolated,
        answers,
      );
      servers.push(server);
      return server;
    }

    async function open(way: string, isolated: boolean): Promise<{ page: Page; server: FaultyServer }> {
      const server = await serve(way, isolated);
      const page = await browser.newPage();
      complaints = [];
      page.on('console', (message) => {
        if (message.type() !== 'debug') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.goto(`${server.url}/`);
      await page.waitForFunction(() => 'lib' in globalThis, { timeout: 60_000 });
      return { page, server };
    }

    /** What a load says that cannot succeed. */
    const refusal = (page: Page, weights: string, more: object = {}): Promise<string> =>
      page.evaluate(
        (url, options) =>
          lib.load('mini-vit', { weights: url, threads: 1, ...options }).then(
            () => 'loaded',
            (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
          ),
        weights,
        more,
      );

    describe.each(['vite', 'map'] as const)('by %s', (way) => {
      test.each([
        [true, 2, 2],
        [true, 1, 1],
        [false, 2, 1],
      ])("isolated %s, threads %i: Node's bits, on %i", async (isolated, threads, computing) => {
        const { page } = await open(way, isolated);
        expect(await page.evaluate(() => typeof SharedArrayBuffer !== 'undefined')).toBe(isolated);
        const found = await page.evaluate(
          async (pictures, count) => {
            const bits = (data: ArrayBufferView): number[] => [
              ...new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
            ];
            const { model, preprocess } = await lib.load('mini-vit', { threads: count });
            const { model: tiny, preprocess: small } = await lib.load('tiny-vit', { threads: count });
            const large = lib.preprocessor(224);
            const mini: number[][] = [],
              tinies: number[][] = [],
              inputs: number[][] = [];
            for (const [i, path] of pictures.entries()) {
              const url = `/fixtures/${path}`;
              const blob = await (await fetch(url)).blob();
              // All the ways in which a picture may be given.
              const input = [
                url,
                new URL(url, location.href),
                blob,
                await blob.arrayBuffer(),
                new Uint8Array(await blob.arrayBuffer()),
              ][i % 5];
              mini.push(bits((await model.encodeImage(await preprocess(input))).data as Float32Array));
              tinies.push(bits((await tiny.encodeImage(await small(input))).data as Float32Array));
              inputs.push(bits((await large(input)).data));
            }
            const counts = [model.threads, tiny.threads, model.executor];
            await Promise.all([model.close(), tiny.close()]);
            return { counts, mini, tiny: tinies, inputs };
          },
          PICTURES,
          threads,
        );
        expect(found.counts).toEqual([computing, computing, 'simd']);
        expect(found.inputs).toEqual(expected.inputs);
        expect(found.mini).toEqual(expected.mini);
        expect(found.tiny).toEqual(expected.tiny);
        expect(complaints).toEqual([]);
      });

      test('texts, the emoji head and its labels too', async () => {
        const { page } = await open(way, true);
        const found = await page.evaluate(
          async (texts, picture) => {
            const bits = (data: ArrayBufferView): number[] => [
              ...new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
            ];
            const early = (() => {
              try {
                lib.tokenize('a');
                return 'answered';
              } catch (error) {
                return (error as Error).message;
              }
            })();
            await lib.loadTokenizer();
            const tokens = lib.tokenize(texts);
            const model = await lib.CLIPModel.load('mini-vit', { head: lib.bundledUrl('emoji-head.pth') });
            const text = bits((await model.clip.encodeText(tokens)).data as Float32Array);
            const logits = bits(
              (await model.forward(await model.preprocess(`/fixtures/${picture}`))).data as Float32Array,
            );
            const labels = await lib.loadLabels();
            const face = await lib.loadHead(lib.bundledUrl('face-head.pth'));
            await model.close();
            return {
              early,
              tokens: [...tokens.data],
              words: lib.detokenize(tokens.hi(1, 77)),
              text,
              logits,
              labels: labels.length,
              first: labels[0].name,
              face: face.weight.shape,
            };
          },
          TEXTS,
          PICTURES[0],
        );
        expect(found).toEqual({
          early: expect.stringContaining('await loadTokenizer()') as string,
          tokens: expected.tokens,
          words: TEXTS[0],
          text: expected.text,
          logits: expected.logits,
          labels: 1427,
          first: 'grinning face',
          face: [1, 128],
        });
        expect(complaints).toEqual([]);
      });
    });

    test("the plain loops and float64 give Node's bits", async () => {
      const { page } = await open('map', false);
      const { model, preprocess } = await load('tiny-vit', { threads: 1 });
      const truth = await model.encodeImage(await preprocess(join(root, 'fixtures', PICTURES[1])), {
        precision: 'float64',
      });
      await model.close();
      const found = await page.evaluate(async (path) => {
        const { model: plain, preprocess: input } = await lib.load('tiny-vit', { executor: 'reference' });
        const x = await input(`/fixtures/${path}`);
        const [single, double] = [await plain.encodeImage(x), await plain.encodeImage(x, { precision: 'float64' })];
        return [
          [...new Uint32Array((single.data as Float32Array).slice().buffer)],
          [...new Uint32Array((double.data as Float64Array).slice().buffer)],
        ];
      }, PICTURES[1]);
      expect(found).toEqual([expected.tiny[1], bits(truth.data as Float64Array)]);
    });

    test('a page whose import map lacks the decoders reads JPEG all the same, and says what WebP needs', async () => {
      const { page } = await open('bare', false);
      const found = await page.evaluate(
        async (jpeg, webp) => {
          const preprocess = lib.preprocessor(224);
          const x = await preprocess(`/fixtures/${jpeg}`);
          return [
            [...new Uint32Array(x.data.slice().buffer)],
            await preprocess(`/fixtures/${webp}`).then(
              () => 'decoded',
              (error: unknown) => (error as Error).message,
            ),
          ] as const;
        },
        PICTURES[0],
        PICTURES[3],
      );
      expect(found[0]).toEqual(expected.inputs[0]);
      expect(found[1]).toMatch(
        /@jsquash\/webp cannot be loaded .*; install it beside clip-oracle, or in a page without a bundler name it in the import map/,
      );
    });

    test('progress is told, and the second load needs no network', async () => {
      const { page, server } = await open('map', true);
      const found = await page.evaluate(async () => {
        const once = async (): Promise<{ received: number; total: number | null }[]> => {
          const seen: { received: number; total: number | null }[] = [];
          const { model } = await lib.load('mini-vit', {
            weights: '/weights',
            threads: 1,
            onProgress: (progress) => seen.push({ ...progress }),
          });
          await model.close();
          return seen;
        };
        const first = await once();
        return [first, await once()];
      });
      for (const seen of found) {
        expect(seen[seen.length - 1]).toEqual({ received: WEIGHTS.length, total: WEIGHTS.length });
        expect(seen.every(({ received }, i) => i === 0 || received > seen[i - 1].received)).toBe(true);
      }
      expect(server.asked.filter((path) => path === '/weights')).toHaveLength(1);
      // Even by another page, later; and not any more when it was cleared, or is not wanted.
      await page.reload();
      await page.waitForFunction(() => 'lib' in globalThis);
      await page.evaluate(async () => {
        await (await lib.load('mini-vit', { weights: '/weights', threads: 1 })).model.close();
      });
      expect(server.asked.filter((path) => path === '/weights')).toHaveLength(1);
      await page.evaluate(async () => {
        await (await lib.load('mini-vit', { weights: '/weights', threads: 1, cache: false })).model.close();
      });
      expect(server.asked.filter((path) => path === '/weights')).toHaveLength(2);
      await page.evaluate(async () => {
        await lib.clearCache();
        await (await lib.load('mini-vit', { weights: '/weights', threads: 1 })).model.close();
      });
      expect(server.asked.filter((path) => path === '/weights')).toHaveLength(3);
      await page.evaluate(() => lib.clearCache());
    });

    test("the package's own weights are kept with their version, whoever names them", async () => {
      const { page, server } = await open('map', false);
      const keys = await page.evaluate(async () => {
        for (const weights of [
          lib.bundledUrl('mini-vit.safetensors.gz'),
          lib.bundledUrl('mini-vit.safetensors.gz').href,
          undefined,
        ])
          await (await lib.load('mini-vit', { weights })).model.close();
        return (await (await caches.open('clip-oracle')).keys()).map(({ url }) => url);
      });
      expect(keys).toEqual([`${server.url}/package/fixtures/bundled/mini-vit.safetensors.gz?clip-oracle=1`]);
      expect(server.asked.filter((path) => path.endsWith('.safetensors.gz'))).toHaveLength(1);
    });

    test('a configuration beside the weights is heeded, and passed over where it is too large for one', async () => {
      const { page } = await open('map', false);
      expect(await refusal(page, '/named/model.safetensors')).toMatch(
        /config\.json" names the activation "relu", expected "quick_gelu" or "gelu"/,
      );
      expect(await refusal(page, '/large/model.safetensors')).toBe('loaded');
    });

    test('weights as a Blob, as bytes, unpacked on the way, and from another origin that allows it', async () => {
      const { page } = await open('map', true);
      const other = await serveFaulty({}, false, { '/weights': send(WEIGHTS, { 'Access-Control-Allow-Origin': '*' }) });
      servers.push(other);
      const found = await page.evaluate(
        async (picture, foreign) => {
          const blob = await (await fetch('/weights')).blob();
          const buffer = await blob.arrayBuffer();
          const features: number[][] = [];
          for (const weights of [
            blob,
            new File([blob], 'mine.safetensors.gz'),
            buffer,
            new Uint8Array(buffer),
            '/encoded',
            new URL('/weights', location.href),
            foreign,
          ]) {
            const { model, preprocess } = await lib.load('mini-vit', { weights, threads: 1, cache: false });
            features.push([
              ...new Uint32Array(
                ((await model.encodeImage(await preprocess(picture))).data as Float32Array).slice().buffer,
              ),
            ]);
            await model.close();
          }
          return features;
        },
        `/fixtures/${PICTURES[0]}`,
        `${other.url}/weights`,
      );
      for (const feature of found) expect(feature).toEqual(expected.mini[0]);
      expect(found).toHaveLength(7);
    });

    test('what goes wrong with weights is a sentence with the remedy, and is not kept', async () => {
      const { page, server } = await open('map', true);
      const other = await serveFaulty({}, false, { '/weights': send(WEIGHTS) });
      servers.push(other);
      const cases: [string, RegExp][] = [
        ['/nothing', /^Error: ".*\/nothing" answered 404 Not Found, expected weights; check the address$/],
        [
          '/page',
          /^Error: ".*\/page" is a web page \(text\/html; charset=utf-8\), expected weights; servers send one for files that they do not have: check the address$/,
        ],
        [
          '/page-in-disguise',
          /^Error: "\/page-in-disguise" expected a file of weights, got an HTML page; the download failed: get the file itself$/,
        ],
        ['/half', /^Error: "\/half" is not a valid gzip file; copy or download it again$/],
        [
          '/half.safetensors',
          /^Error: "\/half.safetensors" is not a valid safetensors file: .*; copy, download or write it again$/,
        ],
        ['/cut', /^Error: ".*\/cut" was cut off after \d+ of 2109775 bytes; load it again$/],
        [
          `${other.url}/weights`,
          /^Error: ".*\/weights" gave no answer \(.*\); check the address and the network, and that its server allows this page to read it \(CORS: Access-Control-Allow-Origin\)$/,
        ],
        ['http://localhost:1/weights', /^Error: .*gave no answer/],
        [
          '/fixtures/pictures/pizza.jpg',
          /^Error: .* expected a file of weights, got JPEG; name a safetensors or PyTorch file$/,
        ],
        ['/fixtures/bundled/face-head.pth', /^Error: .* holds an fc head .*; give it as the head$/],
        ['synthetic:x', /^RangeError: "synthetic:x" expected synthetic:SEED/],
      ];
      for (const [weights, message] of cases) expect(await refusal(page, weights), weights).toMatch(message);
      expect(
        await page.evaluate(async () =>
          (
            await Promise.all(
              (await caches.keys()).map(async (name) =>
                (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname),
              ),
            )
          ).flat(),
        ),
      ).toEqual(['/fixtures/bundled/face-head.pth']); // sound, if no model
      expect(server.asked.filter((path) => path === '/half')).toHaveLength(1);
      for (const [model, message] of [
        ['RN50', /RN50: its weights do not come with the package; give a URL/],
        ['mini-rn', /do not come with the package/],
        ['RN51', /unknown model RN51; expected one of RN50, .* or the URL of a checkpoint/],
      ] as const) {
        expect(
          await page.evaluate((asked) => lib.load(asked).catch((error: unknown) => (error as Error).message), model),
        ).toMatch(message);
      }
      expect(await refusal(page, '/weights', { threads: 0 })).toMatch(
        /^RangeError: load: "threads" expected a positive integer, got 0$/,
      );
    });

    test('loading and computing can be cancelled, and go on afterwards', async () => {
      const { page } = await open('map', true);
      const found = await page.evaluate(async (picture) => {
        const said = (promise: Promise<unknown>): Promise<string> =>
          promise.then(
            () => 'done',
            (error: unknown) => String((error as Error).message),
          );
        const first = new AbortController();
        const loading = said(lib.load('mini-vit', { weights: '/slow', signal: first.signal }));
        setTimeout(() => first.abort(new Error('enough')), 300);
        const results = [
          await loading,
          await said(lib.load('mini-vit', { signal: AbortSignal.abort(new Error('before')) })),
        ];
        for (const threads of [1, 2]) {
          const { model, preprocess } = await lib.load('mini-vit', { threads });
          const x = await preprocess(picture);
          const many = Object.assign(Object.create(Object.getPrototypeOf(x) as object) as typeof x, x, {
            shape: [600, 3, 64, 64],
            stride: [0, ...x.stride.slice(1)],
          });
          const second = new AbortController();
          const computing = said(model.encodeImage(many, { signal: second.signal }));
          setTimeout(() => second.abort(new Error('enough')), 100);
          results.push(await computing);
          results.push([...new Uint32Array(((await model.encodeImage(x)).data as Float32Array).slice().buffer)].join());
          await model.close();
        }
        return results;
      }, `/fixtures/${PICTURES[0]}`);
      expect(found).toEqual(['enough', 'before', 'enough', expected.mini[0].join(), 'enough', expected.mini[0].join()]);
    });

    test('a worker that is killed fails the call, and the next one works; workers end with their models', async () => {
      const { page } = await open('map', true);
      const found = await page.evaluate(async (picture) => {
        const { model, preprocess } = await lib.load('mini-vit', { threads: 2 });
        const x = await preprocess(picture);
        const many = Object.assign(Object.create(Object.getPrototypeOf(x) as object) as typeof x, x, {
          shape: [600, 3, 64, 64],
          stride: [0, ...x.stride.slice(1)],
        });
        const feature = async (): Promise<string> =>
          [...new Uint32Array(((await model.encodeImage(x)).data as Float32Array).slice().buffer)].join();
        const results = [await feature()];
        const computing = model.encodeImage(many).then(
          () => 'done',
          (error: unknown) => (error as Error).message,
        );
        setTimeout(() => workers[workers.length - 1].terminate(), 100); // behind the library's back
        results.push(await computing, await feature());
        // And while idle: the death is heard of before the next call, or fails it.
        for (const worker of workers) worker.terminate();
        await new Promise((resolve) => {
          setTimeout(resolve, 500);
        });
        results.push(await feature());
        await model.close();
        return results;
      }, `/fixtures/${PICTURES[0]}`);
      expect(found).toEqual([
        expected.mini[0].join(),
        expect.stringMatching(/^Thread \d of 2 exited during the computation \(.*\); the call has no result/) as string,
        expected.mini[0].join(),
        expected.mini[0].join(),
      ]);
    });

    test('a worker whose file is missing is said so', async () => {
      const server = await serveFaulty({ '/package/': root, '/': at('map') + '/' }, true, {
        '/package/dist/browser/clip-oracle-worker.js': (response) => {
          response.writeHead(404).end();
        },
      });
      servers.push(server);
      const page = await browser.newPage();
      await page.goto(`${server.url}/`);
      await page.waitForFunction(() => 'lib' in globalThis);
      expect(
        await page.evaluate(() =>
          lib.load('mini-vit', { threads: 2 }).then(
            () => 'loaded',
            (error: unknown) => (error as Error).message,
          ),
        ),
      ).toMatch(
        /threads: a worker could not start .*; serve the worker's file beside the module's, or load with threads: 1/,
      );
    });
  });
});
