// Clocks that jump: a year ahead, back before the start, from call to call, Date.now and performance.now alike. Results
// are the same, and turns are taken.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { download } from '../../src/clip/download/download.ts';
import { load } from '../../src/clip/load.ts';
import { trainHead } from '../../src/train/head/train-head.ts';
import { unitNumbers } from '../support/arbitraries.ts';
import { expectSameBits } from '../support/bits.ts';
import { picture, run, temporaryFolder } from '../cli/support/cli.ts';
import { prepare, TINY } from './support/commands.ts';
import { SCHEDULED } from '../support/scheduled.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const folder = temporaryFolder();
beforeAll(() => prepare(folder.path));

/** For node --import: both clocks jump by up to a year, ahead and back, at every reading. */
const JUMPING = `data:text/javascript,${encodeURIComponent(`
  let reading = 0;
  const jump = () => [0, 3e10, -3e10, 1, -1e7, 5e9][reading++ % 6];
  const [date, performed] = [Date.now, performance.now.bind(performance)];
  Date.now = () => date() + jump();
  performance.now = () => performed() + jump();`)}`;

describe('a command whose clocks jump says the same', SCHEDULED, () => {
  test.each<[string, () => string[]]>([
    ['embed, one thread', () => ['embed', join(folder.path, 'photos'), ...TINY, '--threads', '1']],
    ['embed, two threads', () => ['embed', join(folder.path, 'photos'), '--threads', '2']],
    ['trace --hash', () => ['trace', picture('guitar.png'), ...TINY, '--hash']],
    ['verify', () => ['verify', join(folder.path, 'dump.safetensors'), ...TINY]],
    [
      'train-head',
      () => [
        'train-head',
        join(folder.path, 'features.npy'),
        '--labels',
        join(folder.path, 'labels.txt'),
        '--validation',
        '0',
        '--out',
        join(folder.path, 'head.pth'),
      ],
    ],
  ])('%s', async (_, args) => {
    const [right, jumping] = await Promise.all([run(args()), run(args(), { node: ['--import', JUMPING] })]);
    expect(right.code).toBe(0);
    expect(jumping).toEqual(right);
  });
});

describe('a clock that runs backwards keeps nobody waiting', SCHEDULED, () => {
  const backwards = (): void => {
    let time = 1e9;
    vi.spyOn(performance, 'now').mockImplementation(() => (time -= 1000));
    vi.spyOn(Date, 'now').mockImplementation(() => (time -= 1000));
  };

  // Guard: `passed >= 0` in trainHead's settled(); without it the optimiser goes on to its end, and the signal is never
  // seen.
  test('trainHead sees its signal', async () => {
    const next = unitNumbers(4);
    const features = ndarray(Float32Array.from({ length: 400 * 64 }, next), [400, 64]);
    const labels = Array.from({ length: 400 }, () => (next() > 0 ? 'a' : 'b'));
    const controller = new AbortController();
    backwards();
    await expect(
      trainHead(features, labels, {
        C: 1e4,
        signal: controller.signal,
        onIteration: (iteration) => {
          if (iteration === 2)
            setImmediate(() => {
              controller.abort(new Error('enough'));
            });
        },
      }),
    ).rejects.toThrow('enough');
  });

  // Guard: `passed >= 0` in SimdExecutor's #computeHere.
  test('a forward pass on the calling thread sees its signal', async () => {
    const { model } = await load('mini-vit', { executor: 'simd', threads: 1 });
    const image = syntheticImage(1, 16, model.architecture.vision!.resolution);
    const right = await model.encodeImage(image);
    const controller = new AbortController();
    backwards();
    const run = model.encodeImage(image, { signal: controller.signal });
    setImmediate(() => {
      setImmediate(() => {
        controller.abort(new Error('enough'));
      });
    });
    await expect(run).rejects.toThrow('enough');
    expectSameBits(await model.encodeImage(image), right);
    await model.close();
  });
});

// Guard: MAX_DELAY in download.ts: a server's date, seen from a clock that is a year off, asks for a year.
test('download: a Retry-After date far from this clock does not make it wait for ever', async () => {
  const server = createServer((_, response) => {
    response.writeHead(503, { 'retry-after': new Date(Date.now() + 3e10).toUTCString() }).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const place = await mkdtemp(join(tmpdir(), 'clip-oracle-clock-'));
  const controller = new AbortController();
  let delay = Infinity;
  await expect(
    download('RN50', {
      root: place,
      baseUrl: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
      signal: controller.signal,
      onRetry: (_, __, wait) => {
        delay = wait;
        setImmediate(() => {
          controller.abort(new Error('seen'));
        });
      },
    }),
  ).rejects.toThrow('seen');
  expect(delay).toBeLessThanOrEqual(30_000);
  server.closeAllConnections();
  server.close();
  await rm(place, { recursive: true });
});
