// models, inspect, download and demo, as a user runs them.

import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundled, isOneSentence, outcome, picture, root, run, start, temporaryFolder } from './support/cli.ts';
import { MODELS } from '../../src/clip/models.ts';
import { halfBlocks } from '../../src/cli/terminal/image.ts';
import { bytes, duration } from '../../src/cli/terminal/numbers.ts';
import { bar } from '../../src/cli/verdict.ts';
import { SCHEDULED } from '../support/scheduled.ts';

const folder = temporaryFolder();

/** A file that is as long as RN50.pt and takes no room. */
async function sparse(cache: string): Promise<void> {
  const handle = await open(join(cache, 'RN50.pt'), 'w');
  await handle.truncate(256_000_000);
  await handle.close();
}

describe('models', () => {
  // openai/CLIP's published models: image parameters in millions (BatchNorm statistics included), GMAC per image.
  // Counted independently for the specification.
  const PUBLISHED: Record<string, [number, number]> = {
    RN50: [38.4, 5.8],
    RN101: [56.4, 9.5],
    RN50x4: [87.2, 20.6],
    RN50x16: [167.5, 72.9],
    RN50x64: [420.8, 260],
    'ViT-B/32': [87.8, 4.4],
    'ViT-B/16': [86.2, 17.6],
    'ViT-L/14': [304.0, 81.0],
    'ViT-L/14@336px': [304.3, 191],
  };

  test('--json has every model with the published sizes', async () => {
    const { code, stdout } = await run(['models', '--json', '--root', folder.path]);
    expect(code).toBe(0);
    const rows = JSON.parse(stdout) as {
      name: string;
      feature: number;
      resolution: number;
      parameters: number;
      gmac: number;
      memory: number;
      cached: boolean;
      weights: string;
    }[];
    expect(rows.map((row) => row.name)).toEqual(MODELS.map((model) => model.name));
    for (const row of rows.filter(({ name }) => name in PUBLISHED)) {
      const [parameters, gmac] = PUBLISHED[row.name];
      expect(Math.abs(row.parameters / 1e6 - parameters), row.name).toBeLessThanOrEqual(0.05);
      expect(Math.abs(row.gmac - gmac), row.name).toBeLessThanOrEqual(gmac > 100 ? 0.5 : 0.05);
      expect(row.memory).toBe(4 * row.parameters);
      expect([row.cached, row.weights]).toEqual([false, 'no']);
    }
    expect(rows.find((row) => row.name === 'mini-vit')).toMatchObject({
      feature: 128,
      resolution: 64,
      parameters: 843_008,
      weights: 'bundled',
    });
  });

  test('the table, and what is cached', async () => {
    const cache = await mkdtemp(join(folder.path, 'cache-'));
    await sparse(cache);
    const { stdout } = await run(['models'], { env: { CLIP_ORACLE_CACHE: cache } });
    expect(stdout.split('\n')[0].split(/\s{2,}/)).toEqual([
      'name',
      'feature',
      'resolution',
      'parameters',
      'GMAC',
      'memory',
      'cached',
    ]);
    expect(stdout).toMatch(/^RN50 +1024 +224 +38\.4 M +5\.8 +153 MB {2}yes$/m);
    expect(stdout).toMatch(/^RN101 .* no$/m);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('inspect', () => {
  test('a model', async () => {
    const { code, stdout } = await run(['inspect', bundled('mini-vit.safetensors.gz')]);
    expect(code).toBe(0);
    for (const word of [
      'safetensors',
      'OpenAI',
      'mini-vit',
      'VisionTransformer, 64 x 64 pixels, patch 8, width 128, 4 layers, feature 128',
      'vocabulary 49408',
      'visual.class_embedding',
    ])
      expect(stdout).toContain(word);
    expect(stdout).toMatch(/visual\.conv1\.weight +F16 +\(128, 3, 8, 8\)/);
  });

  test('--json of a model and of a head', async () => {
    const model = JSON.parse(
      (await run(['inspect', '--json', bundled('mini-rn.visual.safetensors.gz')])).stdout,
    ) as Record<string, unknown>;
    expect(model).toMatchObject({
      kind: 'CLIP',
      model: 'mini-rn',
      architecture: { embed: 128, text: null },
      problems: [],
    });
    expect(model.tensors).toContainEqual({
      name: 'visual.attnpool.positional_embedding',
      dtype: expect.any(String) as string,
      shape: [5, 512],
    });
    const head = JSON.parse((await run(['inspect', '--json', bundled('face-head.pth')])).stdout) as Record<
      string,
      unknown
    >;
    expect(head).toMatchObject({ kind: 'head', head: { classes: 1, width: 128, fits: ['mini-vit', 'mini-rn'] } });
  });

  test('tensors that are no model: listed, with the reason', async () => {
    const { code, stdout } = await run(['inspect', bundled('demo-rn50.safetensors')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/no model +\S/);
    expect(stdout).toMatch(/f64 +F64 +\(1, 1024\)/);
  });

  test('a head with NaN: exit code 1 and where', async () => {
    const file = join(root, 'fixtures', 'checkpoints', 'torch', 'head.nan.pth');
    const { code, stdout } = await run(['inspect', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/problem +"\w+" has/);
    expect((await run(['inspect', '--headers-only', file])).code).toBe(0);
  });

  test.each<[string, string, RegExp]>([
    ['no such file', 'nothing.pt', /"nothing\.pt" does not exist; check the path/],
    ['an image', picture('octopus.jpg'), /octopus\.jpg/],
  ])('%s', async (_name, file, message) => {
    const result = await run(['inspect', file]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });
});

describe('download', () => {
  let server: Server;
  let baseUrl: string;
  let behave: (request: IncomingMessage, response: ServerResponse) => void;
  let urls: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      urls.push(request.url!);
      behave(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const cache = (): Promise<string> => mkdtemp(join(folder.path, 'download-'));

  test('a file that is there: its path, no request', async () => {
    const place = await cache();
    await sparse(place);
    urls = [];
    const { code, stdout, stderr } = await run(['download', 'RN50', '--root', place, '--base-url', baseUrl]);
    expect([code, stdout]).toEqual([0, `${join(place, 'RN50.pt')}\n`]);
    expect(stderr).toContain('was there');
    expect(urls).toEqual([]);
  });

  test('wrong bytes: both digests, nothing stays, and the other models are still tried', async () => {
    const place = await cache();
    urls = [];
    behave = (request, response) => {
      if (request.url!.includes('RN101')) response.writeHead(404).end();
      else response.end('wrong');
    };
    const { code, stdout, stderr } = await run(['download', 'RN50', 'RN101'], {
      env: { CLIP_ORACLE_CACHE: place, CLIP_ORACLE_BASE_URL: `${baseUrl}/mirror/` },
    });
    expect([code, stdout]).toEqual([2, '']);
    // sha256 of "wrong", by sha256sum
    expect(stderr).toMatch(
      /expected SHA-256 afeb0e10\w{56}, got 8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225 \(5 bytes\)/,
    );
    expect(stderr).toMatch(/clip-oracle: download: .*RN101\.pt answered 404 Not Found; check the base URL/);
    expect(urls.map((url) => url.replace(/[0-9a-f]{64}/, 'SHA'))).toEqual([
      '/mirror/SHA/RN50.pt',
      '/mirror/SHA/RN101.pt',
    ]);
    expect(await readdir(place)).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')(
    'Ctrl-C: exit code 130, what came is kept and continued',
    SCHEDULED,
    async () => {
      const place = await cache();
      const part = randomBytes(50_000);
      behave = (_request, response) => {
        response.writeHead(200, { 'content-length': 255_000_000 });
        response.write(part);
      };
      const child = start(['download', 'RN50', '--root', place, '--base-url', baseUrl]);
      const result = outcome(child);
      for (let size = 0; size < part.length; await sleep(10)) {
        for (const name of await readdir(place))
          size = await stat(join(place, name)).then(
            (found) => found.size,
            () => 0,
          );
      }
      child.kill('SIGINT');
      const { code, stderr } = await result;
      expect(code).toBe(130);
      expect(stderr).toMatch(/clip-oracle: interrupted; what has come is kept/);
      expect(await readdir(place)).toEqual(['RN50.pt.part']);
      let range: string | undefined;
      behave = (request, response) => {
        range ??= request.headers.range;
        response.writeHead(404).end();
      };
      await run(['download', 'RN50', '--root', place, '--base-url', baseUrl, '--quiet']);
      expect(range).toBe(`bytes=${part.length}-`);
    },
  );

  test('an unwritable cache', async () => {
    const file = join(folder.path, 'a-file');
    await writeFile(file, '');
    const result = await run(['download', 'RN50', '--root', join(file, 'clip'), '--base-url', baseUrl, '--quiet']);
    expect(result.stderr).toMatch(
      /cannot write RN50\.pt into the cache folder .*name another with --root or CLIP_ORACLE_CACHE/,
    );
    expect(isOneSentence(result)).toBe(true);
  });

  test.each<[string, string[], RegExp]>([
    ['no model', [], /expected a model: one of RN50, .*; or --all/],
    ['both', ['RN50', '--all'], /either models or --all, got both/],
    ['a mistyped model', ['RN5O'], /cannot download "RN5O"\. There is no such model; did you mean RN50\?/],
    ['a model that comes along', ['mini-vit'], /mini-vit needs no download: it comes with the package/],
    ['a synthetic model', ['tiny-rn'], /tiny-rn needs no download: its weights are synthetic/],
    [
      'an address that is none',
      ['RN50', '--quiet', '--base-url', 'example.org'],
      /"baseUrl" expected an http or https address, got "example\.org"/,
    ],
  ])('%s', async (_name, args, message) => {
    const result = await run(['download', ...args]);
    expect(result.stderr).toMatch(message);
    expect(isOneSentence(result)).toBe(true);
  });
});

test("demo: a picture gets its name, RN50 its numbers beside PyTorch's, each stage its time", async () => {
  const { code, stdout, stderr } = await run(['demo'], { env: { CLIP_ORACLE_BASE_URL: 'http://127.0.0.1:1' } });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/🐙 octopus +█{19}.? +99\.\d %/);
  // PyTorch's float64 number 0 of the photograph, from fixtures/bundled/demo-rn50.safetensors
  expect(stdout).toMatch(/^ +0 +-0\.67016\d{4} +-0\.670169830 +-0\.67016974658522743$/m);
  const rho = Number(/noise ratio (\d\.\d\d): clip-oracle is/.exec(stdout)?.[1]);
  expect(rho).toBeLessThan(4);
  expect(stdout).toMatch(/computed by (?:SIMD|plain loops), \d+ threads?$/m);
  for (const stage of ['decode', 'preprocess', 'weights', 'forward'])
    expect(stdout.match(new RegExp(`\\b${stage} [\\d.]+ m?s`, 'g'))?.length, stage).toBe(2);
});

describe('how things are shown', () => {
  test('bars grow by eighths', () => {
    expect(bar(0, 2)).toBe('  ');
    expect(bar(1 / 16, 2)).toBe('▏ ');
    expect(bar(0.5, 2)).toBe('█ ');
    expect(bar(1, 2)).toBe('██');
    expect(bar(2, 2)).toBe('██');
  });

  test('two pixels share a character', () => {
    expect(halfBlocks({ width: 1, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) })).toEqual([
      '\u001b[38;2;1;2;3;48;2;4;5;6m▀\u001b[0m',
    ]);
  });

  test('bytes and seconds', () => {
    expect([1, 5_300_000, 353_976_522, 1_351_700_000].map(bytes)).toEqual(['1 kB', '5.3 MB', '354 MB', '1.35 GB']);
    expect([0.2, 59, 61, 7300].map(duration)).toEqual(['1 s', '59 s', '1 min 1 s', '2 h 2 min']);
  });
});
