// The report: one self-contained HTML file that shows a verification.

import { createHash } from 'node:crypto';
import type { VerifyResult } from '../types.ts';
import type { Earned } from './bands.ts';
import { bandsOf } from './bands.ts';
import type { ReportData } from './collector.ts';
import { depthChart } from './depth-chart.ts';
import { escapeHtml, escapeJson } from './escape.ts';
import { ALPHABET, FACTS, layerData } from './layer-data.ts';
import { breakable, layerTable } from './layer-table.ts';
import { percent, plural } from './numbers.ts';
import { PAGE_FUNCTIONS, type PageData } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import { summarise } from './summary.ts';

export interface ReportOptions {
  /** Noise ratios that float16 and bfloat16 have in emulation, for their bands. Default: what is usual. */
  earned?: Earned;
}

/** Characters that all maps together may take: networks of many layers get coarser ones. */
const MAP_BUDGET = 900_000;

/** Names of a list that are shown. */
const MOST_NAMES = 200;

/**
 * The report on a verification, as a file of its own: HTML without links to anything, which a policy in it forbids too.
 * @param data what a `reportCollector` saw during that verification
 */
export function reportHtml(result: VerifyResult, data: ReportData, options: ReportOptions = {}): string {
  const wide = depthChart(result, { width: 1000, height: 380, kind: 'wide' }, options.earned);
  const narrow = depthChart(result, { width: 350, height: 320, kind: 'narrow' }, options.earned);
  const mostCells = Math.max(16, Math.min(4096, Math.floor(MAP_BUDGET / Math.max(1, result.layers.length))));
  const firstWrong = result.layers.findIndex((layer) => layer.name === result.firstWrong);
  const content: PageData = {
    layers: result.layers.map((layer) => layerData(layer, data.layers.get(layer.name) ?? null, mostCells)),
    firstWrong,
    alphabet: ALPHABET,
    facts: FACTS,
    charts: { wide: { points: wide.points }, narrow: { points: narrow.points } },
  };
  const script = `'use strict';\n${PAGE_FUNCTIONS.map(String).join('\n')}\n${PAGE_FUNCTIONS.at(-1)!.name}();\n`;
  const { headline, sentences } = summarise(result);
  const title = breakable(headline.replace(/^(Pass|Fail)(: )?/, '')) || 'see below';
  const inputs = result.teacherForced
    ? "teacher-forced: every layer was fed the backend's own inputs"
    : 'free-running: errors accumulate from layer to layer';
  const notes = (result.notes ?? []).map((note) => ` ${escapeHtml(note)}`).join('');
  const layers = plural(result.layers.length, 'layer');
  const chartLabel = `Relative error of ${layers} on a log scale; the table below has the numbers.`;
  // Hashes, not 'unsafe-inline': whatever else gets into the page does not run.
  const policy =
    `default-src 'none'; script-src '${hash(script)}'; style-src '${hash(PAGE_STYLE)}'; base-uri 'none'; ` +
    `form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(`${headline} · ${result.model}`)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<p class="about">clip-oracle ${escapeHtml(result.version)}, numerics contract ${escapeHtml(result.contract)}</p>
<h1><span class="badge ${result.verdict}">${result.verdict}</span>${title}</h1>
${sentences.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join('\n')}
<p class="about">Model <b>${escapeHtml(result.model)}</b>, weights <b>${escapeHtml(result.weights)}</b>, claim \
<b>${escapeHtml(result.claim)}</b>,
${inputs}.${notes}</p>
</header>
<main>
${causes(result)}
${
  result.layers.length === 0
    ? ''
    : `<section aria-labelledby="depth-title">
<h2 id="depth-title">Error along the depth of the network</h2>
<div id="chart" role="img" aria-label="${escapeHtml(chartLabel)}">${wide.svg}${narrow.svg}</div>
${legend(result, options.earned)}
<output id="brief" class="needs-js" aria-live="polite"></output>
<p class="about needs-js">Click or drag in the chart, or focus it and use the arrow keys, Page Up and Down, Home and \
End.</p>
</section>
<section id="panel" class="needs-js" aria-labelledby="panel-title">
<div class="panel-head"><h2 id="panel-title" tabindex="-1"></h2>
<span><button type="button" id="previous">‹ previous</button> <button type="button" id="next">next \
›</button>${firstWrong < 0 ? '' : ' <button type="button" id="to-first">first wrong</button>'}</span></div>
<div id="panel-body"></div>
</section>
<noscript><p class="about">Histograms, error maps and worst elements of each layer are drawn by a script in this \
file, which is switched off.</p></noscript>
<section aria-labelledby="table-title">
<div class="tools"><h2 id="table-title">All layers</h2><label class="needs-js about">Filter <input id="filter" \
type="search" placeholder="name or verdict" autocomplete="off"></label></div>
<div class="tall" tabindex="0" role="region" aria-labelledby="table-title">${layerTable(result)}</div>
</section>`
}
${nameList('Modules that are not in the dump', result.missing)}
${nameList("Tensors of the dump that are no module's", result.unknown)}
${GLOSSARY}
</main>
<script type="application/json" id="data">${escapeJson(content)}</script>
<script>${script}</script>
</body>
</html>
`;
}

const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;

function causes({ causes: list }: VerifyResult): string {
  if (list.length === 0) return '';
  const items = list.map(
    ({ name, confidence, explanation }) =>
      `<li><b>${escapeHtml(name)}</b> <meter min="0" max="1" ` +
      `value="${Math.min(1, Math.max(0, confidence || 0))}" ` +
      `aria-label="confidence"></meter>${percent(confidence)}<br>${escapeHtml(explanation)}</li>`,
  );
  return `<section aria-labelledby="causes-title"><h2 id="causes-title">What it looks like</h2>
<p class="about">Faults that, put into the oracle's own network, give the backend's numbers.</p>
<ul class="causes">${items.join('\n')}</ul></section>`;
}

function legend(result: VerifyResult, earned: Earned | undefined): string {
  const swatch = (content: string): string =>
    `<svg width="16" height="12" viewBox="0 0 16 12" aria-hidden="true">${content}</svg>`;
  const marks = [
    ['pass', '<circle class="mark-pass" cx="8" cy="6" r="3.5"/>'],
    ['plausible', '<path class="mark-plausible" d="M4 6l4 -4l4 4l-4 4Z"/>'],
    ['wrong', '<path class="mark-wrong" d="M4.5 2.5l7 7m0 -7l-7 7"/>'],
  ];
  const bands = bandsOf(result, earned).map(({ kind, label }) => [
    label,
    kind === 'claim' ? '<path class="band-claim" d="M0 6H16"/>' : `<path class="band-${kind}" d="M0 0H16V12H0Z"/>`,
  ]);
  const items = [...marks, ...bands].map(([label, content]) => `<li>${swatch(content)}${escapeHtml(label)}</li>`);
  return `<ul class="legend">${items.join('')}</ul>`;
}

function nameList(title: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > MOST_NAMES ? `<p class="about">and ${names.length - MOST_NAMES} more</p>` : '';
  return `<details><summary>${escapeHtml(title)} (${names.length})</summary><ul class="names">${names
    .slice(0, MOST_NAMES)
    .map((name) => `<li>${breakable(name)}</li>`)
    .join('')}</ul>${more}</details>`;
}

const GLOSSARY = `<details><summary>What the numbers mean</summary>
<p><b>B</b> is the backend's tensor, <b>T</b> the exact result (the same network computed in float64 from the same \
weights), <b>R</b> our float32: what this project's specified arithmetic gives.</p>
<p><b>Relative error</b> is ‖B−T‖/‖T‖. <b>rho</b> = ‖B−T‖/‖R−T‖ says how many times further from the truth the \
backend is than careful float32: up to 4 is as good as it gets, up to 16 a sane order of summation may give, about \
8000 is what float16 or TF32 gives, about 65000 bfloat16.
<b>Effective bits</b> are 24 − log2(rho): 24 for float32, about 11 for float16, about 8 for bfloat16. In histograms \
and maps the same is said of single values and cells, against the layer's typical float32 error.</p>
<p>Verdicts: <b>pass</b>, as good as the claimed precision gets; <b>plausible</b>, worse, but within what a sane \
order of summation gives; <b>wrong</b>, neither.</p></details>`;
