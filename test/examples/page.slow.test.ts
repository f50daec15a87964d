// The example page as people use it, in Chromium and Firefox: built by Vite, served with and without the headers for
// shared memory, and through an import map.
// `npm run test:slow -- page`. Needs Chromium and Firefox (Debian: apt-get install chromium firefox-esr), found by the
// environment variables CHROMIUM and FIREFOX or in the usual places; where one is missing, its tests are skipped with a
// notice. PAGE_SCREENSHOTS names a folder for pictures to look at.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type ElementHandle, type KeyInput, type Page } from 'puppeteer-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionMaps, attentionRollout, load } from '../../src/index.ts';
import { hashLines, npy } from '../../examples/browser/bytes.ts';
import { sha256 } from '../../examples/browser/sha256.ts';
import { neededBrowser } from '../support/needs.ts';
import {
  catchSaved,
  give,
  leastContrast,
  movingElements,
  picture,
  root,
  savedBy,
  text,
  type Given,
} from '../support/page-helpers.ts';
import { serve, type Server } from '../support/static-server.ts';

const BROWSERS = { chrome: neededBrowser('chrome'), firefox: neededBrowser('firefox') };
const BUNDLE = join(root, 'dist/browser/clip-oracle.js');
if (!existsSync(BUNDLE))
  process.stderr.write(
    'test/examples/page.slow.test.ts: no dist/browser/clip-oracle.js, so the import map is not tested; build ' +
      'it first\n',
  );

const PIZZA = 'fixtures/pictures/pizza.jpg';
interface Expected {
  lines: string[];
  maps: Buffer;
  rollout: Float32Array;
  feature: Buffer;
}
const expected = new Map<string, Expected>();

/** What Node says. */
beforeAll(async () => {
  const { model, preprocess } = await load('mini-vit', { threads: 1 });
  for (const path of [
    PIZZA,
    'fixtures/pictures/octopus.jpg',
    'fixtures/pictures/penguin.png',
    'fixtures/pictures/rocket.png',
  ]) {
    const x = await preprocess(join(root, path));
    const feature = await model.encodeImage(x);
    const maps = await attentionMaps(model, x);
    const numbers = ({ shape, data }: { shape: number[]; data: unknown }): { shape: number[]; data: Float32Array } => ({
      shape,
      data: data as Float32Array,
    });
    expected.set(path, {
      lines: hashLines({ image: numbers(x), visual: numbers(feature) }),
      maps: Buffer.from(npy(numbers(maps))),
      rollout: attentionRollout(maps).data as Float32Array,
      feature: Buffer.from(npy(numbers(feature))),
    });
  }
  await model.close();
});

test("the page's SHA-256 is Node's, at every length around a block's end", () => {
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
    expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

test("the page's hashes are the lines that the command line prints", async () => {
  const printed = execFileSync(
    process.execPath,
    [join(root, 'dist/src/cli/main.js'), 'trace', PIZZA, '--hash', '--layers', 'visual'],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  expect(printed.trimEnd().split('\n')).toEqual(expected.get(PIZZA)!.lines);
});

describe.each(['chrome', 'firefox'] as const)('%s', (name) => {
  describe.skipIf(BROWSERS[name] === undefined)('shows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-page-'));
    const servers: Partial<Record<'isolated' | 'plain', Server>> = {};
    let browser: Browser;
    let complaints: string[] = [];

    beforeAll(async () => {
      await build({
        configFile: join(root, 'examples/browser/vite.config.ts'),
        build: { outDir: folder, emptyOutDir: true },
        logLevel: 'warn',
      });
      servers.isolated = await serve(folder, true);
      servers.plain = await serve(folder, false);
      browser = await puppeteer.launch({
        browser: name,
        executablePath: BROWSERS[name],
        headless: true,
        args: name === 'chrome' ? ['--no-sandbox'] : [],
      });
    });

    afterAll(async () => {
      await browser?.close();
      await servers.isolated?.close();
      await servers.plain?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    async function open(url: string, { width = 1200, phone = false } = {}): Promise<Page> {
      const page = await browser.newPage();
      complaints = [];
      const { origin } = new URL(url);
      page.on('console', (message) => {
        if (message.type() !== 'debug') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('request', (request) => {
        if (!request.url().startsWith(`${origin}/`) && !/^(?:blob|data):/.test(request.url()))
          complaints.push(`asked for ${request.url()}`);
      });
      page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
      await page.setViewport({ width, height: 800, ...(phone && { isMobile: true, hasTouch: true }) });
      await page.evaluateOnNewDocument(catchSaved);
      await page.goto(url);
      return page;
    }

    /** Until the hashes are those of a picture. */
    const answered = async (page: Page, path: string): Promise<void> => {
      const { lines } = expected.get(path)!;
      await page.waitForFunction(
        (wanted: string) =>
          document.querySelector('#hashes')!.textContent === wanted ||
          document.querySelector('#error')!.textContent !== '',
        { timeout: 30_000 },
        lines.join('\n'),
      );
      expect(await text(page, '#error')).toBe('');
      expect((await text(page, '#hashes')).split('\n')).toEqual(lines);
    };

    test.each(['isolated', 'plain'] as const)(
      "a dropped picture's classes, feature, maps and hashes, as Node has them (%s)",
      async (kind) => {
        const page = await open(servers[kind]!.url);
        await answered(page, 'fixtures/pictures/octopus.jpg'); // by itself
        await give(page, 'drop', [picture(PIZZA)]);
        await answered(page, PIZZA);
        expect(await page.$eval('#classes li:first-child .name', (element) => element.textContent)).toBe('pizza');
        expect(await text(page, '#status')).toMatch(/^pizza\.jpg: pizza, in [\d.]+ m?s\.$/);
        expect(await text(page, '#command')).toBe('npx clip-oracle trace pizza.jpg --hash --layers visual');
        expect(await page.evaluate(() => document.querySelectorAll('#samples :checked').length)).toBe(0);
        expect(await page.$$eval('#classes li', (items) => items.length)).toBe(5);
        expect((await savedBy(page, '#save-maps')).equals(expected.get(PIZZA)!.maps)).toBe(true);
        expect((await savedBy(page, '#save-npy')).equals(expected.get(PIZZA)!.feature)).toBe(true);
        const json = JSON.parse((await savedBy(page, '#save-json')).toString()) as number[];
        expect(Buffer.from(Float32Array.from(json).buffer).equals(expected.get(PIZZA)!.feature.subarray(-512))).toBe(
          true,
        );
        // Threads where memory can be shared, and only there.
        const cores = await page.evaluate(
          () => [typeof SharedArrayBuffer, Math.min(16, navigator.hardwareConcurrency)] as const,
        );
        expect(cores[0]).toBe(kind === 'isolated' ? 'function' : 'undefined');
        expect(await text(page, '#times')).toContain(
          `Computed byWebAssembly SIMDThreads${kind === 'isolated' ? cores[1] : 1}`,
        );
        expect(await page.$eval('#not-isolated', (element) => (element as HTMLElement).hidden)).toBe(
          kind === 'isolated',
        );
        expect(complaints).toEqual([]);
        await page.close();
      },
    );

    test('threads and arithmetic can be changed, and no bit does', async () => {
      const page = await open(servers.isolated!.url);
      await answered(page, 'fixtures/pictures/octopus.jpg');
      for (const [select, value, shown] of [
        ['#threads', '1', /SIMDThreads1$/],
        ['#arithmetic', 'reference', /plain loopsThreads1$/],
        ['#arithmetic', 'auto', /SIMDThreads1$/],
      ] as const) {
        await page.$eval('#hashes', (element) => {
          element.textContent = '';
        });
        await page.select(select, value);
        await answered(page, 'fixtures/pictures/octopus.jpg');
        expect(await text(page, '#times')).toMatch(shown);
      }
      expect(complaints).toEqual([]);
      await page.close();
    });

    test('paste, several files, and what is no picture: sentences, and the answer before stays', async () => {
      const page = await open(servers.isolated!.url);
      await answered(page, 'fixtures/pictures/octopus.jpg');
      await give(page, 'paste', [picture('fixtures/pictures/penguin.png')]);
      await answered(page, 'fixtures/pictures/penguin.png');
      expect(await page.$eval('#unnamed', (element) => (element as HTMLElement).hidden)).toBe(false);
      const complained = async (): Promise<string> => {
        await page.waitForFunction(() => document.querySelector('#error')!.textContent !== '');
        return text(page, '#error');
      };
      const jpeg = picture(PIZZA).bytes;
      const bad: [files: Given[], message: RegExp][] = [
        [
          [{ name: 'notes.txt', type: 'text/plain', bytes: Buffer.from('a shopping list\n') }],
          /^notes\.txt: expected JPEG, PNG, WebP, .*, got text; .*\.$/,
        ],
        [
          [{ name: 'phone.heic', type: 'image/heic', bytes: Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic') }],
          /^phone\.heic: expected JPEG, PNG, WebP, .*, got HEIC/,
        ],
        [
          [{ name: 'cut.jpg', type: 'image/jpeg', bytes: jpeg.subarray(0, 3000) }],
          /^cut\.jpg: .*(?:truncated|cut off|ends).*[.!]$/i,
        ],
        [[{ name: 'empty.png', type: 'image/png', bytes: new Uint8Array(0) }], /^empty\.png: the file is empty/],
        [[picture(PIZZA), picture(PIZZA)], /^One picture at a time: 2 files were dropped\.$/],
        [[], /^What was dropped is no file\./],
      ];
      for (const [files, message] of bad) {
        await page.$eval('#error', (element) => {
          element.textContent = '';
        });
        await give(page, 'drop', files);
        expect(await complained()).toMatch(message);
        expect((await text(page, '#hashes')).split('\n')).toEqual(expected.get('fixtures/pictures/penguin.png')!.lines);
      }
      await give(page, 'drop', [picture(PIZZA)]); // and on it goes
      await answered(page, PIZZA);
      expect(complaints).toEqual([]);
      await page.close();
    });

    test('a picture that is dropped while another is being computed is the one that is answered', async () => {
      const page = await open(servers.plain!.url);
      await give(page, 'drop', [picture('fixtures/pictures/penguin.png')]);
      await give(page, 'drop', [picture('fixtures/pictures/rocket.png')]);
      await give(page, 'drop', [picture(PIZZA)]);
      await answered(page, PIZZA);
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
      await answered(page, PIZZA);
      expect(await page.evaluate(() => document.body.getAttribute('aria-busy'))).toBe('false');
      expect(complaints).toEqual([]);
      await page.close();
    });

    test('a sample that comes late does not replace a picture that was dropped meanwhile', async () => {
      const page = await open(servers.plain!.url);
      await answered(page, 'fixtures/pictures/octopus.jpg');
      await page.evaluate(() => {
        const original = globalThis.fetch;
        globalThis.fetch = async (...asked) => {
          await new Promise((resolve) => {
            setTimeout(resolve, 700);
          });
          const response = await original(...asked);
          Object.assign(globalThis, { late: true });
          return response;
        };
        document.querySelector<HTMLInputElement>('#samples input[value="fixtures/pictures/penguin.png"]')!.click();
      });
      await give(page, 'drop', [picture(PIZZA)]);
      await page.waitForFunction(() => 'late' in globalThis);
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
      await answered(page, PIZZA);
      expect(complaints).toEqual([]);
      await page.close();
    });

    test('keyboard: samples by arrows, patches by arrows, Escape back to the class token', async () => {
      const page = await open(servers.isolated!.url);
      await answered(page, 'fixtures/pictures/octopus.jpg');
      const at = (): Promise<string> =>
        page.evaluate(() => {
          const { id, name: group, role } = document.activeElement as HTMLInputElement;
          return id || group || role || '';
        });
      const tabTo = async (where: string): Promise<void> => {
        for (let i = 0; i < 40 && (await at()) !== where; i++) await page.keyboard.press('Tab');
        expect(await at()).toBe(where);
      };
      await tabTo('chooser');
      await tabTo('sample');
      await page.keyboard.press('ArrowRight');
      await answered(page, 'fixtures/pictures/penguin.png');
      expect(await text(page, '#command')).toBe(
        'npx clip-oracle trace fixtures/pictures/penguin.png --hash --layers visual',
      );
      await tabTo('gridcell');
      const token = (): Promise<string | undefined> =>
        page.evaluate(() => (document.activeElement as HTMLElement).dataset.token);
      const L = 65,
        { rollout } = expected.get('fixtures/pictures/penguin.png')!;
      const steps: [key: KeyInput, token: number][] = [
        ['ArrowDown', 9],
        ['ArrowRight', 10],
        ['ArrowUp', 2],
        ['ArrowUp', 2],
        ['End', 8],
        ['ArrowRight', 8],
        ['ArrowDown', 16],
        ['Home', 9],
      ];
      for (const [key, to] of steps) {
        await page.keyboard.press(key);
        expect(Number(await token())).toBe(to);
        const shares = rollout.subarray(to * L, (to + 1) * L);
        let best = 1;
        for (let i = 2; i < L; i++) if (shares[i] > shares[best]) best = i;
        const place = (i: number): string => `row ${Math.floor((i - 1) / 8) + 1}, column ${((i - 1) % 8) + 1}`;
        expect(await text(page, '#readout')).toContain(
          `Rollout over all blocks: the patch in ${place(to)} looks most at ` +
            `${best === to ? 'itself' : place(best)} (${(100 * shares[best]).toFixed(1)} ` +
            `%)${best === to ? ', then at row ' : '; '}`,
        );
        expect(await page.evaluate(() => document.activeElement!.getAttribute('aria-selected'))).toBe('true');
        // The lit patch on the canvas is the same one.
        expect(
          await page.$eval('#lit', (canvas) => {
            const copy = Object.assign(document.createElement('canvas'), { width: 8, height: 8 }).getContext('2d')!;
            copy.drawImage(canvas as HTMLCanvasElement, 0, 0);
            const { data } = copy.getImageData(0, 0, 8, 8);
            const shadows = Array.from({ length: 64 }, (_, i) => data[4 * i + 3]);
            return shadows.indexOf(Math.min(...shadows)) + 1;
          }),
        ).toBe(best);
      }
      await page.keyboard.press('Escape');
      expect(await at()).toBe('class-token');
      expect(await page.$eval('#class-token', (element) => element.getAttribute('aria-pressed'))).toBe('true');
      await tabTo('map');
      await page.keyboard.press('ArrowLeft');
      expect(await text(page, '#readout')).toMatch(/^Block 4, mean of its heads: the class token looks most at /);
      for (const id of [
        'save-maps',
        'copy-feature',
        'save-json',
        'save-npy',
        'copy-command',
        'copy-hashes',
        'theirs',
        'threads',
        'arithmetic',
      ])
        await tabTo(id);
      expect(complaints).toEqual([]);
      await page.close();
    });

    test("the command line's output can be pasted to compare", async () => {
      const page = await open(servers.plain!.url);
      await answered(page, 'fixtures/pictures/octopus.jpg');
      const { lines } = expected.get('fixtures/pictures/octopus.jpg')!;
      const verdictOn = (value: string): Promise<string> =>
        page.evaluate((typed) => {
          const input = document.querySelector<HTMLInputElement>('#theirs')!;
          input.value = typed;
          input.dispatchEvent(new Event('input', { bubbles: true }));
          return document.querySelector('#verdict')!.textContent!;
        }, value);
      expect(await verdictOn(lines.join(' '))).toMatch(/^✓/);
      expect(await verdictOn(lines[1].toUpperCase())).toMatch(/^✓/);
      expect(await verdictOn(lines[1].replace(/^./, (digit) => (digit === '0' ? '1' : '0')))).toMatch(/^✗/);
      expect(await verdictOn('abc')).toMatch(/64 hexadecimal digits/);
      expect(await verdictOn('')).toBe('');
      await page.close();
    });

    test.skipIf(name === 'firefox')(
      'on a phone of 360 pixels nothing is wider than the screen, fingers have room, and a tap asks a patch',
      async () => {
        const page = await open(servers.isolated!.url, { width: 360, phone: true });
        await answered(page, 'fixtures/pictures/octopus.jpg');
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
        const small = await page.$$eval(
          'button:not([role]), select, input[type=text], #samples label, #maps label, .drop',
          (elements) =>
            elements
              .map((element) => [element.id || element.className, element.getBoundingClientRect()] as const)
              .filter(([, { width, height }]) => Math.min(width, height) < 36)
              .map(([what]) => what),
        );
        expect(small).toEqual([]);
        await page.tap('[data-token="28"]');
        expect(await text(page, '#readout')).toContain('the patch in row 4, column 4 looks most at');
        await page.tap('#class-token');
        expect(await text(page, '#readout')).toContain('the class token looks most at');
        if (process.env.PAGE_SCREENSHOTS)
          await page.screenshot({ path: join(process.env.PAGE_SCREENSHOTS, 'phone.png'), fullPage: true });
        expect(complaints).toEqual([]);
        await page.close();
      },
    );

    test.skipIf(name === 'firefox').each([false, true])(
      'text can be read against its ground (dark: %s), nothing moves where that is asked for, and all controls ' +
        'have names',
      async (dark) => {
        const page = await open(servers.isolated!.url);
        await page.emulateMediaFeatures([
          { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' },
          { name: 'prefers-reduced-motion', value: 'reduce' },
        ]);
        await answered(page, 'fixtures/pictures/octopus.jpg');
        await give(page, 'drop', [{ name: 'notes.txt', type: 'text/plain', bytes: Buffer.from('text\n') }]);
        await page.waitForFunction(() => document.querySelector('#error')!.textContent !== '');
        const worst = await page.evaluate(
          leastContrast,
          'h1, h1 span, h2, p, b, .invite, .name, .share, legend, label, button:not([role]), select, dt, dd, ' +
            'code, figcaption, #maps span',
        );
        expect(worst.ground).toBe(dark ? 'rgb(15, 19, 28)' : 'rgb(246, 247, 249)');
        expect(worst.contrast, worst.text).toBeGreaterThanOrEqual(4.5);
        expect(await page.evaluate(movingElements)).toBe(0);
        const controls = (await page.accessibility.snapshot({ interestingOnly: true }))!;
        const unnamed: string[] = [];
        const walk = ({
          role,
          name: label,
          children = [],
        }: {
          role: string;
          name?: string;
          children?: unknown[];
        }): void => {
          if (/^(?:button|radio|combobox|textbox|grid|gridcell|img|progressbar)$/.test(role) && !label)
            unnamed.push(role);
          for (const child of children) walk(child as never);
        };
        walk(controls as never);
        expect(unnamed).toEqual([]);
        if (process.env.PAGE_SCREENSHOTS)
          await page.screenshot({
            path: join(process.env.PAGE_SCREENSHOTS, dark ? 'dark.png' : 'light.png'),
            fullPage: true,
          });
        expect(complaints).toEqual([]);
        await page.close();
      },
    );

    test('weights that cannot be fetched are a sentence in the page', async () => {
      let lost = true;
      const broken = await serve(folder, true, (path) => (lost && /\.safetensors/.test(path) ? 404 : 200));
      const page = await open(broken.url);
      await page.waitForFunction(
        () => document.querySelector('#error')!.textContent!.startsWith('The model could not be loaded: '),
        { timeout: 30_000 },
      );
      expect(await text(page, '#error')).toMatch(/404/);
      // Not for ever: the next picture tries again.
      lost = false;
      await give(page, 'drop', [picture(PIZZA)]);
      await answered(page, PIZZA);
      await page.close();
      await broken.close();
    });

    test.skipIf(!existsSync(BUNDLE)).each([true, false])(
      'the small page by import map, without a bundler (isolated: %s)',
      async (isolated) => {
        const server = await serve(root, isolated);
        const page = await open(`${server.url}examples/browser/importmap.html`);
        await page.waitForFunction(() => !document.querySelector('#status')!.textContent!.startsWith('Loading'), {
          timeout: 30_000,
        });
        expect(await text(page, '#status')).toMatch(
          isolated ? /^Ready, on (?:one thread|\d+ threads)\.$/ : /^Ready, on one thread\.$/,
        );
        await ((await page.$('#chooser')) as ElementHandle<HTMLInputElement>).uploadFile(join(root, PIZZA));
        await page.waitForFunction(() => /pizza/.test(document.querySelector('#status')!.textContent!), {
          timeout: 30_000,
        });
        expect(await text(page, '#status')).toBe('pizza.jpg: pizza');
        expect(`${await text(page, '#hash')}  visual`).toBe(expected.get(PIZZA)!.lines[1]);
        expect(complaints).toEqual([]);
        await page.close();
        await server.close();
      },
    );
  });
});
