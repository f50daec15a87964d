// The report as text: what it says, that names in it stay names, that it is allowed to load nothing. How it looks and
// works: test/oracle/report/report.slow.test.ts.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bandsOf } from '../../../src/oracle/report/bands.ts';
import { picture, reportCollector } from '../../../src/oracle/report/collector.ts';
import { depthChart } from '../../../src/oracle/report/depth-chart.ts';
import { escapeHtml, escapeJson } from '../../../src/oracle/report/escape.ts';
import { reportHtml } from '../../../src/oracle/report/html.ts';
import { exponential, percent, short, value } from '../../../src/oracle/report/numbers.ts';
import { makeScale } from '../../../src/oracle/report/scale.ts';
import { stagesOf } from '../../../src/oracle/report/stages.ts';
import { summarise } from '../../../src/oracle/report/summary.ts';
import type { LayerDetail } from '../../../src/oracle/types.ts';
import { measured, noise, resultOf } from './made-up.ts';

const NAMES = [
  'visual.conv1',
  'visual.bn1',
  'visual.layer1.0.conv1',
  'visual.layer1.0',
  'visual.layer1',
  'visual.attnpool',
];

/** Layers of float32 noise; from `wrongFrom` on, of an error of a thousandth. */
function details(names: readonly string[], wrongFrom = Infinity, shape = [1, 4, 6, 6]): LayerDetail[] {
  return names.map((name, layer) => {
    const next = noise(layer + 1);
    const T = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1.5 + next());
    return measured(
      name,
      { shape, data: Float32Array.from(T, (x) => x * (1 + (layer >= wrongFrom ? 1e-3 : 1e-7) * next())) },
      { shape, data: Float32Array.from(T) },
      { shape, data: T },
    );
  });
}

function report(of: readonly LayerDetail[], more = {}): string {
  const collector = reportCollector();
  of.forEach((detail) => collector.onLayer(detail));
  return reportHtml(resultOf(of, more), collector.data());
}

const dataOf = (
  html: string,
): {
  layers: { name: string; worst: string[][]; map: { cells: string; rows: number; columns: number } | null }[];
  firstWrong: number;
} => JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]);

describe('reportHtml', () => {
  test("without any script it says the verdict, the first wrong layer, the causes, and every layer's numbers", () => {
    const html = report(details(NAMES, 2), {
      causes: [{ name: 'bgr', confidence: 0.875, explanation: 'Red and blue are exchanged.' }],
      unknown: ['strange'],
      missing: ['visual.relu1'],
      notes: ['Read as NHWC.'],
    });
    const still = html.replace(/<script.*?<\/script>/gs, '');
    for (const text of [
      '>fail</span>',
      'The first wrong layer is visual.layer1.0.conv1, number 3 of the 6 compared',
      'bgr',
      '87.5 %',
      'Red and blue are exchanged.',
      'strange',
      'Read as NHWC.',
      'first wrong: visual.layer1.0.conv1',
    ]) {
      expect(still).toContain(text);
    }
    expect(still.match(/<tr[ >]/g)!.length).toBe(1 + NAMES.length);
    expect(still.match(/class="v-wrong"/g)!.length).toBe(4);
    expect(dataOf(html).firstWrong).toBe(2);
    expect(dataOf(html).layers.map(({ name }) => name)).toEqual(NAMES);
  });

  test('a right backend passes, with no mark of a wrong layer', () => {
    const html = report(details(NAMES));
    expect(html).toContain('>pass</span>');
    expect(html).not.toContain('class="first-line"');
    expect(html).not.toContain('mark-wrong" d="M1'); // only the legend's
  });

  test("other people's names stay text: no markup, no script, no reversed writing", () => {
    const evil = '</script><img src=x onerror=alert(1)>"\'&`\u202egnp.\u0000';
    const of = details([evil, 'visual']);
    const html = report(of, {
      unknown: [evil],
      missing: [evil],
      model: evil,
      weights: evil,
      firstWrong: evil,
      verdict: 'fail',
      notes: [evil],
      version: evil,
      contract: evil,
      claim: evil,
      causes: [{ name: evil, confidence: NaN, explanation: evil }],
    });
    expect(html).not.toContain('<img');
    expect(html).not.toContain('\u202e');
    expect(html).not.toContain('\u0000');
    expect(html.match(/<\/script>/g)!.length).toBe(2);
    expect(dataOf(html).layers[0].name).toBe(
      // eslint-disable-next-line no-control-regex
      evil.replace(/[\u0000\u202e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    );
  });

  test('its policy allows this script and this style by their hashes, and nothing else', () => {
    const html = report(details(NAMES));
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1];
    const script = /<script>(.*?)<\/script>/s.exec(html)![1];
    const style = /<style>(.*?)<\/style>/s.exec(html)![1];
    expect(policy).toBe(
      `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`,
    );
    expect(html).not.toMatch(/ (style|on\w+)="/);
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
      /https?:|url\(|@import|import\(|fetch\(|src=/,
    );
    expect(script).not.toMatch(/__|import_/); // the functions' text as written, with nothing of a bundler's
    expect(() => new Function(script)).not.toThrow();
  });

  test('every element that is opened is closed', () => {
    const html = report(details(NAMES, 1), {
      causes: [{ name: 'a', confidence: 1, explanation: 'b' }],
      missing: ['x'],
      unknown: ['y'],
    }).replace(/<script.*?<\/script>|<style.*?<\/style>|<!doctype html>/gs, '');
    const open: string[] = [];
    for (const [, closing, tag, rest] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/gi)) {
      if (closing === '/') expect(open.pop()).toBe(tag);
      else if (!['meta', 'wbr', 'br', 'input'].includes(tag) && !rest.endsWith('/')) open.push(tag);
    }
    expect(open).toEqual([]);
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('a layer that nobody looked at has numbers but no pictures', () => {
    const of = details(NAMES);
    const html = reportHtml(resultOf(of), { layers: new Map([[NAMES[0], picture(of[0])]]) });
    expect(dataOf(html).layers.map(({ map }) => map !== null)).toEqual([true, false, false, false, false, false]);
  });

  test('nothing compared: it says so, and has no chart', () => {
    const html = reportHtml(resultOf([], { verdict: 'fail' }), { layers: new Map() });
    expect(html).toContain('No layer was compared');
    expect(html).not.toContain('svg class="depth');
  });

  test.each([
    [204, 1_500_000],
    [700, 2_600_000],
  ])('%i layers of a large model take less than %i bytes', (count, most) => {
    const of = details(['x'], 0, [1, 64, 64, 64])[0];
    const seen = picture(of);
    const names = Array.from({ length: count }, (_, i) => `visual.transformer.resblocks.${i}.mlp.c_proj`);
    const result = resultOf(names.map((name) => ({ ...of, result: { ...of.result, name } })));
    const html = reportHtml(result, { layers: new Map(names.map((name) => [name, seen])) });
    expect(Buffer.byteLength(html)).toBeLessThan(most);
    const { map } = dataOf(html).layers[0];
    expect(map!.cells.length).toBe(map!.rows * map!.columns);
  });
});

describe('the chart', () => {
  test('a larger error lies higher, and a hundredfold one twice as far as a tenfold one', () => {
    const scale = makeScale(10, { low: -8, high: 0 }, { left: 0, right: 100, top: 0, bottom: 800 });
    expect([1e-8, 1e-7, 1e-5, 1, 100, Infinity, NaN, 0].map((error) => scale.y(error))).toEqual([
      800, 700, 500, 0, 0, 0, 0, 800,
    ]);
    expect([0, 9].map((layer) => scale.x(layer))).toEqual([5, 95]);
  });

  test(
    "the bands are the layer's own float32 error times 4, 16, about 2^13 and about 2^16; earned ones replace the " +
      'usual',
    () => {
      const of = details(NAMES);
      const result = resultOf(of);
      const ratio = (kind: string, edge: 'low' | 'high', more = {}): number => {
        const band = bandsOf(result, more).find((one) => one.kind === kind)!;
        return band[edge][3] / of[3].result.referenceRelRms;
      };
      expect(ratio('float32', 'high')).toBeCloseTo(4, 9);
      expect(ratio('plausible', 'high')).toBeCloseTo(16, 9);
      expect(Math.sqrt(ratio('float16', 'low') * ratio('float16', 'high'))).toBeCloseTo(2 ** 13, 6);
      expect(Math.sqrt(ratio('bfloat16', 'low') * ratio('bfloat16', 'high'))).toBeCloseTo(2 ** 16, 5);
      expect(ratio('float16', 'high', { float16: new Map([[NAMES[3], [1000, 2000]]]) })).toBeCloseTo(2000, 6);
      expect(bandsOf({ ...result, claim: 'float16' }).at(-1)!.kind).toBe('claim');
    },
  );

  test('each layer has its mark, by the shape of its verdict', () => {
    const { svg, points } = depthChart(resultOf(details(NAMES, 4)), { width: 800, height: 300, kind: 'wide' });
    expect(points.length).toBe(NAMES.length);
    const count = (kind: string): number =>
      (new RegExp(`mark-${kind}" d="([^"]*)"`).exec(svg)?.[1].match(/M/g) ?? []).length;
    expect([count('pass'), count('plausible'), count('wrong')]).toEqual([4, 0, 2]);
  });

  test('stages', () => {
    expect(stagesOf(NAMES).map(({ label, first, end }) => [label, first, end])).toEqual([
      ['stem', 0, 2],
      ['layer1', 2, 5],
      ['attnpool', 5, 6],
    ]);
    expect(
      stagesOf([
        'visual.conv1',
        'visual.ln_pre',
        'visual.transformer.resblocks.0.ln_1',
        'visual.transformer.resblocks.0',
        'visual.transformer.resblocks.11.attn',
        'visual',
      ]).map(({ short: name }) => name),
    ).toEqual(['stem', '', '0', '11', '']);
  });
});

test('the summary in words', () => {
  expect(summarise(resultOf(details(NAMES))).headline).toBe('Pass: right for float32');
  const plain = resultOf(details(['visual'], 0));
  expect(summarise(plain).sentences[0]).toMatch(
    new RegExp(
      '^The first wrong layer is visual, the one compared: its relative error of .* is .* times what float32 costs ' +
        'there \\(up to 4 passes, up to 16 is plausible\\), worst in channel 3\\.$',
    ),
  );
  const [layer] = plain.layers;
  expect(summarise({ ...plain, layers: [{ ...layer, nonFinite: 1 }] }).sentences[0]).toContain(
    '1 value of it is NaN or infinite',
  );
  expect(summarise({ ...plain, layers: [{ ...layer, rho: 7, ownRho: 40 }] }).sentences[0]).toContain(
    "fed with the backend's own inputs it is 40 times as far off",
  );
});

test('numbers as people read them', () => {
  expect([0, -0, 0.012345, 4.5678, 4, 1234.5, 40171, 3e7, 1.2e-7, Infinity, NaN].map(short)).toEqual([
    '0',
    '-0',
    '0.0123',
    '4.57',
    '4',
    '1235',
    '40171',
    '3.00e7',
    '1.20e-7',
    '∞',
    'NaN',
  ]);
  expect([0.00012, -Infinity].map(exponential)).toEqual(['1.20e-4', '-∞']);
  expect([0, 1, 0.5, 0.99999, 0.00001, NaN].map(percent)).toEqual([
    '0 %',
    '100 %',
    '50.0 %',
    '> 99.9 %',
    '< 0.1 %',
    'NaN',
  ]);
  const next = noise(3);
  for (let i = 0; i < 1000; i++) {
    const x = Math.fround(next() * 10 ** ((i % 20) - 10));
    expect(Math.fround(Number(value(x)))).toBe(x);
  }
});

test('escapes', () => {
  expect(escapeHtml('<a href="x">\'&`\u0007')).toBe('&#60;a href=&#34;x&#34;&#62;&#39;&#38;&#96;\\u0007');
  expect(escapeJson({ a: '</script>\u2028&' })).toBe('{"a":"\\u003c/script\\u003e\\u2028\\u0026"}');
  expect(JSON.parse(escapeJson('</script>\u2028'))).toBe('</script>\u2028');
});
