// The report in a real browser: what people see, with mouse, keyboard, on a phone, in the dark, on paper, without
// script. `npm run test:slow -- report`.
// Needs Chromium (Debian: apt-get install chromium), found by the environment variable CHROMIUM or in the usual places.
// REPORT_SCREENSHOTS names a folder for pictures to look at; REPORT_PICTURE=docs/report.png makes the README's picture
// again.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { load } from '../../../src/index.ts';
import { syntheticImage } from '../../../src/clip/weights/synthetic.ts';
import { memoryDump } from '../../../src/oracle/memory-dump.ts';
import { verify } from '../../../src/oracle/verify.ts';
import type { Operations } from '../../../src/ops/operations.ts';
import { reportCollector } from '../../../src/oracle/report/collector.ts';
import { reportHtml } from '../../../src/oracle/report/html.ts';
import type { LayerDetail, VerifyResult } from '../../../src/oracle/types.ts';
import type { Values } from '../../../src/formats/values.ts';
import { measured, noise, resultOf } from './made-up.ts';
import { neededBrowser } from '../../support/needs.ts';
import { leastContrast } from '../../support/page-helpers.ts';

const chromium = neededBrowser('chrome');

const EVIL = '</script><img src="https://evil.example/x" onerror="document.title=1">';

/**
 * A model's own trace with noise as the backend's, and from one layer on the left tenth of each picture, or of each
 * token's width, too small.
 */
async function verified(
  name: string,
  wrongFrom: string | null,
  more: Partial<VerifyResult> = {},
): Promise<{ html: string; result: VerifyResult }> {
  const { model } = await load(name, { weights: 'synthetic:0', executor: 'reference', threads: 1 });
  const image = syntheticImage(0, 1, model.architecture.vision!.resolution);
  const trace = async (precision: 'float32' | 'float64'): Promise<Map<string, Values>> => {
    const seen = new Map<string, Values>();
    await model.encodeImage(image, {
      precision,
      tap: (module, { data, shape, offset, size }) => {
        seen.set(module, { shape: [...shape], data: data.slice(offset, offset + size) });
      },
    });
    return seen;
  };
  const [references, truths] = [await trace('float32'), await trace('float64')];
  await model.close();
  const collector = reportCollector();
  const details: LayerDetail[] = [];
  let wrong = false;
  for (const [module, truth] of truths) {
    wrong ||= module === wrongFrom;
    const next = noise(details.length + 1);
    const width = truth.shape[truth.shape.length - 1];
    const reference = references.get(module)!;
    const data = Float32Array.from(
      reference.data,
      (x, i) => x * (wrong && i % width < Math.floor(width / 10) ? 0.95 : 1 + 1e-7 * next()),
    );
    const detail = measured(module, { shape: truth.shape, data }, reference, truth);
    collector.onLayer(detail);
    details.push(detail);
  }
  const result = resultOf(details, { model: name, ...more });
  return { html: reportHtml(result, collector.data()), result };
}

/** The README's example: ViT-B/32 with GELU in place of QuickGELU in one block, and the noise of another float32. */
async function gelusBlock(block: number): Promise<string> {
  const { model } = await load('ViT-B/32', { weights: 'synthetic:0' });
  const image = syntheticImage(0, 1, model.architecture.vision!.resolution);
  const tensors: Record<string, Values> = { image };
  let calls = 0;
  const next = noise(1);
  await model.encodeImage(image, {
    around: (layer) => {
      const own = layer.ops!;
      const ops = new Proxy(own, {
        get: (_, name: keyof Operations) =>
          own[name === 'quickGelu' && calls++ === block ? 'gelu' : name].bind(own) as unknown,
      });
      return { ...layer, ops };
    },
    tap: (module, { data, shape, offset, size }) => {
      const own = Float32Array.from(data.slice(offset, offset + size), (x) => x * (1 + 1e-7 * next()));
      tensors[module] = { shape: [...shape], data: own };
    },
  });
  const collector = reportCollector();
  const result = await verify(model, memoryDump(tensors), { onLayer: collector.onLayer });
  await model.close();
  return reportHtml(result, collector.data());
}

describe.skipIf(chromium === undefined)('the report in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-report-'));
  const files: Record<string, string> = {};
  let browser: Browser;
  let failing: VerifyResult;
  /** What the pages said on the console, threw, or asked for. */
  let complaints: string[] = [];

  beforeAll(async () => {
    browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox'] });
    const causes = [
      {
        name: 'padding-off-by-one',
        confidence: 0.93,
        explanation: 'The convolution pads one column too few on the left.',
      },
    ];
    const fail = await verified('tiny-rn', 'visual.layer2.0.conv2', {
      causes,
      unknown: [EVIL],
      missing: ['visual.relu1'],
    });
    failing = fail.result;
    const reports = {
      fail: fail.html,
      transformer: (await verified('tiny-vit', 'visual.transformer.resblocks.1.mlp.gelu')).html,
      pass: (await verified('tiny-rn', null)).html,
      evil: (await verified('tiny-vit', 'visual.ln_pre', { model: EVIL, weights: EVIL, notes: [EVIL] })).html,
      empty: reportHtml(resultOf([], { verdict: 'fail', unknown: ['a'] }), { layers: new Map() }),
    };
    for (const [name, html] of Object.entries(reports))
      writeFileSync((files[name] = join(folder, `${name}.html`)), html);
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Setting {
    width?: number;
    height?: number;
    dark?: boolean;
    phone?: boolean;
    script?: boolean;
    hash?: string;
  }

  async function open(
    name: string,
    { width = 1200, height = 900, dark = false, phone = false, script = true, hash = '' }: Setting = {},
  ): Promise<Page> {
    const page = await browser.newPage();
    complaints = [];
    const url = `${pathToFileURL(files[name]).href}${hash}`;
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (request.url() !== url.split('#')[0] && request.url() !== url) complaints.push(`asked for ${request.url()}`);
    });
    await page.setViewport({ width, height, isMobile: phone, hasTouch: phone, deviceScaleFactor: phone ? 2 : 1 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.setJavaScriptEnabled(script);
    await page.goto(url);
    const picture = [name, width, dark ? 'dark' : 'light', ...(script ? [] : ['still'])].join('-');
    if (process.env.REPORT_SCREENSHOTS)
      await page.screenshot({ path: join(process.env.REPORT_SCREENSHOTS, `${picture}.png`), fullPage: true });
    return page;
  }

  test.runIf(process.env.REPORT_PICTURE)("the README's picture: the cause is named; at most 150 kB", async () => {
    const html = await gelusBlock(6);
    writeFileSync((files.picture = join(folder, 'picture.html')), html);
    const page = await open('picture', { width: 960, height: 830 });
    expect(await text(page, 'header')).toContain('visual.transformer.resblocks.6.mlp.gelu');
    expect(html).toContain('gelu');
    const picture = await page.screenshot({ path: process.env.REPORT_PICTURE as `${string}.png` });
    expect(picture.length).toBeLessThan(150_000);
    await page.close();
  });

  const text = (page: Page, selector: string): Promise<string> =>
    page.$eval(selector, (element) => (element as HTMLElement).innerText);

  test.each(['fail', 'transformer', 'pass', 'evil', 'empty'])(
    '%s: opens without an error, and asks the network for nothing',
    async (name) => {
      const page = await open(name);
      expect(complaints).toEqual([]);
      expect(await page.$$('img')).toEqual([]);
      expect(await page.title()).toMatch(name === 'pass' ? /^Pass: / : /^Fail/);
      await page.close();
    },
  );

  test('the policy holds: an image, a style and a script put into the page afterwards do nothing', async () => {
    const page = await open('fail');
    const ran = await page.evaluate(async () => {
      const image = document.createElement('img');
      const failed = new Promise((done) => image.addEventListener('error', done));
      image.setAttribute('onerror', 'window.ran = true');
      image.src = 'data:image/png;base64,AAAA';
      document.body.append(image);
      await failed;
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
      return 'ran' in window;
    });
    expect(ran).toBe(false);
    expect(complaints.length).toBeGreaterThan(1); // the browser says what it refused
    await page.close();
  });

  test('it opens at the first wrong layer, and shows its facts, histogram, maps and worst elements', async () => {
    const page = await open('fail');
    expect(await text(page, '#panel-title')).toBe(failing.firstWrong);
    expect(await text(page, 'header')).toContain(`The first wrong layer is ${failing.firstWrong}`);
    expect(await text(page, '.verdict')).toBe('✕ wrong');
    expect(
      await page.$$eval(
        '#panel .histogram .bar',
        (bars) => bars.filter((bar) => Number(bar.getAttribute('height')) > 0).length,
      ),
    ).toBeGreaterThan(3);
    expect(await page.$$eval('#panel figure > canvas', (list) => list.length)).toBe(2);
    expect(await page.$$eval('#panel-body tbody tr', (rows) => rows.length)).toBe(10);
    // The fault is in the left border, and the map of the picture's plane has its brightest column there.
    const brightest = await page.$$eval('#panel figure > canvas', ([, plane]) => {
      const { width, height } = plane as HTMLCanvasElement;
      const { data } = (plane as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
      const columns = Array.from({ length: width }, (_, x) =>
        Array.from({ length: height }, (__, y) => data[(y * width + x) * 4] + data[(y * width + x) * 4 + 1]).reduce(
          (a, b) => a + b,
        ),
      );
      return columns.indexOf(Math.max(...columns));
    });
    expect(brightest).toBe(0);
    expect(await page.$eval('#panel figure > canvas', (canvas) => canvas.getAttribute('aria-label'))).toMatch(
      /^Error over channels \(down\) and positions \(across\)\. Worst cell: channel /,
    );
    await page.close();
  });

  test('keyboard: Tab comes to the chart, arrows go along the layers, and the layer is announced', async () => {
    const page = await open('fail');
    for (let i = 0; i < 10 && (await page.evaluate(() => document.activeElement?.id)) !== 'chart'; i++)
      await page.keyboard.press('Tab');
    const state = (): Promise<{
      id?: string;
      role: string | null;
      now: number;
      text: string | null;
      outline: string;
    }> =>
      page.evaluate(() => {
        const at = document.activeElement!;
        return {
          id: at.id,
          role: at.getAttribute('role'),
          now: Number(at.getAttribute('aria-valuenow')),
          text: at.getAttribute('aria-valuetext'),
          outline: getComputedStyle(at).outlineStyle,
        };
      });
    const first = failing.layers.findIndex((layer) => layer.name === failing.firstWrong);
    expect(await state()).toMatchObject({ id: 'chart', role: 'slider', now: first + 1, outline: 'solid' });
    const steps: [key: 'ArrowRight' | 'ArrowLeft' | 'ArrowUp' | 'Home' | 'PageUp' | 'End' | 'PageDown', to: number][] =
      [
        ['ArrowRight', first + 1],
        ['ArrowLeft', first],
        ['ArrowLeft', first - 1],
        ['Home', 0],
        ['ArrowLeft', 0],
        ['PageUp', 10],
        ['ArrowUp', 11],
        ['End', failing.layers.length - 1],
        ['PageDown', failing.layers.length - 11],
      ];
    for (const [key, to] of steps) {
      await page.keyboard.press(key);
      const { name, verdict } = failing.layers[to];
      expect(await text(page, '#panel-title')).toBe(name);
      const now = await state();
      expect(now.now).toBe(to + 1);
      expect(now.text).toMatch(new RegExp(`^Layer ${to + 1} of ${failing.layers.length}, ${name}: .*: ${verdict}$`));
      expect(await text(page, '#brief')).toBe(now.text);
    }
    expect(await page.$eval('#layers a[aria-current]', (link) => link.textContent)).toBe(
      failing.layers[failing.layers.length - 11].name,
    );
    // The rest by Tab too: buttons, table, filter.
    const reached = new Set<string>();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      reached.add(
        await page.evaluate(
          () => document.activeElement!.id || document.activeElement!.className || document.activeElement!.tagName,
        ),
      );
    }
    for (const id of ['previous', 'next', 'to-first', 'scroll', 'filter', 'tall', 'A'])
      expect([...reached]).toContain(id);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('mouse: the chart, the buttons and the table choose a layer; the filter hides rows', async () => {
    const page = await open('fail');
    const box = (await (await page.$('svg.wide'))!.boundingBox())!;
    await page.mouse.click(box.x + box.width - 12, box.y + box.height / 2);
    expect(await text(page, '#panel-title')).toBe(failing.layers.at(-1)!.name);
    expect(await page.$eval('#next', (button) => (button as HTMLButtonElement).disabled)).toBe(true);
    await page.click('#previous');
    expect(await text(page, '#panel-title')).toBe(failing.layers.at(-2)!.name);
    await page.click('#to-first');
    expect(await text(page, '#panel-title')).toBe(failing.firstWrong);
    await page.click('#layers tbody tr:nth-child(2) a');
    expect(await text(page, '#panel-title')).toBe(failing.layers[1].name);
    expect(await page.evaluate(() => document.activeElement!.id)).toBe('panel-title');
    await page.type('#filter', 'LAYER1');
    const shown = await page.$$eval('#layers tbody tr', (rows) =>
      rows
        .filter((row) => (row as HTMLElement).offsetParent !== null)
        .map((row) => row.querySelector('a')!.textContent),
    );
    expect(shown).toEqual(failing.layers.map(({ name }) => name).filter((name) => name.includes('layer1')));
    await page.hover('#panel figure > canvas');
    expect(await text(page, '#panel figure .readout')).toMatch(/^channel [\d–]+, position [\d–]+: [\d.]+ bits$/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the address names the layer, so that a link to it can be shared', async () => {
    const page = await open('fail', { hash: '#visual.layer1' });
    expect(await text(page, '#panel-title')).toBe('visual.layer1');
    await page.click('#next');
    expect(await page.evaluate(() => location.hash)).toBe(
      `#${failing.layers[failing.layers.findIndex(({ name }) => name === 'visual.layer1') + 1].name}`,
    );
    await page.close();
  });

  test.each(['fail', 'transformer', 'pass', 'evil'])(
    '%s on a phone: nothing wider than the screen, fingers have room',
    async (name) => {
      const page = await open(name, { width: 390, height: 844, phone: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
      expect(await page.$eval('svg.narrow', (svg) => svg.getBoundingClientRect().width)).toBeGreaterThan(300);
      expect(await page.$eval('svg.wide', (svg) => svg.getBoundingClientRect().width)).toBe(0);
      for (const height of await page.$$eval('button', (buttons) =>
        buttons.map((button) => button.getBoundingClientRect().height),
      ))
        expect(height).toBeGreaterThanOrEqual(40);
      const box = (await (await page.$('svg.narrow'))!.boundingBox())!;
      await page.touchscreen.tap(box.x + 50, box.y + box.height / 2);
      expect(await page.$eval('#chart', (chart) => Number(chart.getAttribute('aria-valuenow')))).toBeLessThan(5);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  test.each([false, true])('text can be read against its ground (dark: %s): contrast of at least 4.5', async (dark) => {
    const page = await open('fail', { dark });
    const worst = await page.evaluate(
      leastContrast,
      'p, h1, h2, h3, th, td, dt, dd, a, button, figcaption, summary, .badge, .tick, .axis, .first-label, li, ' +
        'b, output',
    );
    expect(worst.ground).toBe(dark ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
    expect(worst.contrast, worst.text).toBeGreaterThanOrEqual(4.5);
    await page.close();
  });

  test('without script: summary, causes, chart and the whole table are there, and nothing that needs it', async () => {
    const page = await open('fail', { script: false });
    // puppeteer cannot look inside a page without script: its accessibility tree and its text are what a reader has.
    await page.setJavaScriptEnabled(true);
    const seen = await text(page, 'body');
    expect(seen).toContain(`The first wrong layer is ${failing.firstWrong}`);
    expect(seen).toContain('padding-off-by-one');
    expect(seen).not.toContain('previous');
    expect(seen).not.toContain('Filter');
    for (const { name } of failing.layers) expect(seen.replaceAll('\u200b', '')).toContain(name);
    expect(await page.$eval('svg.wide', (svg) => svg.getBoundingClientRect().width)).toBeGreaterThan(900);
    await page.close();
  });

  test('printed: black on white even where the screen is dark, and all rows, not only those in view', async () => {
    const page = await open('fail', { dark: true });
    await page.emulateMediaType('print');
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)');
    const [scroll, table] = await page.evaluate(() =>
      [document.querySelector('.tall')!, document.querySelector('#layers')!].map(
        (element) => element.getBoundingClientRect().height,
      ),
    );
    expect(scroll).toBeGreaterThanOrEqual(table);
    const pdf = await page.pdf({ format: 'A4' });
    expect(Buffer.from(pdf.subarray(0, 5)).toString()).toBe('%PDF-');
    if (process.env.REPORT_SCREENSHOTS) writeFileSync(join(process.env.REPORT_SCREENSHOTS, 'fail.pdf'), pdf);
    await page.close();
  });
});
