// Error along the depth of the network, as SVG: bands of the precisions behind, a mark per layer, the first wrong one
// pointed out.
// Colours are classes (page-style.ts), so that light, dark and print are one picture; a verdict is told by shape as
// well as by colour.

import type { LayerVerdict, VerifyResult } from '../types.ts';
import { bandsOf, type Band, type Earned } from './bands.ts';
import { escapeHtml } from './escape.ts';
import { decades, makeScale, unitOfLayer, type Scale } from './scale.ts';
import { stagesOf } from './stages.ts';

export interface ChartSize {
  readonly width: number;
  readonly height: number;
  /** In the classes of the page: the wide chart, or the one for phones. */
  readonly kind: 'wide' | 'narrow';
}

export interface DepthChart {
  readonly svg: string;
  /** Where each layer's mark is drawn, for the page's script. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export function depthChart(result: VerifyResult, { width, height, kind }: ChartSize, earned?: Earned): DepthChart {
  const { layers } = result;
  const bands = bandsOf(result, earned);
  const box = { left: 46, right: width - 10, top: 42, bottom: height - 42 };
  const range = decades([
    ...layers.map((layer) => layer.relRms),
    ...layers.map((layer) => unitOfLayer(layer) / 2),
    ...bands.flatMap((band) => band.high),
  ]);
  const scale = makeScale(layers.length, range, box);
  const points = layers.map((layer, i) => [scale.x(i), scale.y(layer.relRms)] as const);
  const parts = [
    ...stageMarks(
      layers.map((layer) => layer.name),
      scale,
      box,
      kind,
    ),
    ...bands.map((band) => drawBand(band, scale, box)),
    ...gridLines(range, scale, box, kind),
    ...firstWrong(result, points, box, width),
    ...(kind === 'wide' ? bands.flatMap((band) => bandName(band, scale, box)) : []),
    layers.length > 1
      ? `<path class="line" d="${points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')}"/>`
      : '',
    ...(['pass', 'plausible', 'wrong'] as const).map((verdict) => marks(verdict, result, points)),
    `<path class="cursor" d="M0 ${box.top}V${box.bottom}" visibility="hidden"/>`,
    '<circle class="ring" r="7" visibility="hidden"/>',
  ];
  const svg =
    `<svg class="depth ${kind}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `aria-hidden="true" focusable="false">${parts.join('')}</svg>`;
  return { svg, points };
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x}" y="${y}"${attributes}>${escapeHtml(content)}</text>`;

/** Every second stage is shaded; its name stands below where there is room. */
function stageMarks(names: readonly string[], scale: Scale, box: Box, kind: ChartSize['kind']): string[] {
  const half = names.length > 1 ? (scale.x(1) - scale.x(0)) / 2 : (box.right - box.left) / 2;
  const letter = kind === 'wide' ? 6.4 : 6;
  return stagesOf(names).flatMap(({ label, short, first, end }, i) => {
    const left = scale.x(first) - half;
    const room = scale.x(end - 1) + half - left;
    const fits = [label, short].find((name) => name !== '' && name.length * letter + 4 <= room) ?? '';
    return [
      i % 2 === 1
        ? `<rect class="stage" x="${left.toFixed(1)}" y="${box.top}" width="${room.toFixed(1)}" ` +
          `height="${box.bottom - box.top}"/>`
        : '',
      fits === '' ? '' : text(Math.round(left + room / 2), box.bottom + 16, fits, ' class="tick" text-anchor="middle"'),
    ];
  });
}

function gridLines(
  { low, high }: { low: number; high: number },
  scale: Scale,
  box: Box,
  kind: ChartSize['kind'],
): string[] {
  const lines: string[] = [];
  const height = (box.bottom - box.top) / (high - low);
  const every = height < 18 ? 2 : 1;
  for (let decade = low; decade <= high; decade++) {
    const y = scale.y(Number(`1e${decade}`));
    lines.push(`<path class="grid" d="M${box.left} ${y}H${box.right}"/>`);
    if ((decade - low) % every === 0)
      lines.push(text(box.left - 6, y + 4, decade === 0 ? '1' : `1e${decade}`, ' class="tick" text-anchor="end"'));
  }
  lines.push(text(4, 13, 'relative error ‖B−T‖/‖T‖', ' class="axis"'));
  lines.push(
    text(
      box.right,
      box.bottom + 34,
      kind === 'wide' ? 'depth: layers in the order in which they compute →' : 'depth →',
      ' class="axis" text-anchor="end"',
    ),
  );
  return lines;
}

/** Between two lines through the layers; the claim's limit is drawn as lines, since it may cover another band. */
function drawBand(band: Band, scale: Scale, box: Box): string {
  const along = (errors: readonly number[]): string[] => {
    const at = errors.map((error, i) => `${scale.x(i)} ${error === 0 ? box.bottom : scale.y(error)}`);
    // To the edges of the chart, half a step beyond the first and the last layer.
    const [first, last] = [at[0].split(' ')[1], at[at.length - 1].split(' ')[1]];
    return [`${box.left} ${first}`, ...at, `${box.right} ${last}`];
  };
  if (band.low.length === 0) return '';
  const [low, high] = [along(band.low), along(band.high)];
  if (band.kind === 'claim') return `<path class="band-claim" d="M${low.join('L')}M${high.join('L')}"/>`;
  return `<path class="band-${band.kind}" d="M${low.join('L')}L${high.reverse().join('L')}Z"/>`;
}

const NAMES: Partial<Record<Band['kind'], string>> = { float32: 'float32', float16: 'float16', bfloat16: 'bfloat16' };

/** At the band's right end. */
function bandName({ kind, low, high }: Band, scale: Scale, box: Box): string[] {
  const [name, last] = [NAMES[kind], low.length - 1];
  if (name === undefined || last < 0) return [];
  // float32's name is at the bottom: further up are the marks.
  const y = kind === 'float32' ? box.bottom - 6 : (scale.y(low[last]) + scale.y(high[last])) / 2 + 4;
  return [text(box.right - 4, Math.round(y), name, ' class="band-name" text-anchor="end"')];
}

/** A line down from the first wrong layer's name, which keeps within the picture. */
function firstWrong(result: VerifyResult, points: DepthChart['points'], box: Box, width: number): string[] {
  const at = result.layers.findIndex((layer) => layer.name === result.firstWrong);
  if (at < 0) return [];
  const x = points[at][0];
  const most = Math.floor((Math.max(x, width - x) - 10) / 6.6);
  const label = shorten(`first wrong: ${result.firstWrong}`, most);
  const left = x > width / 2;
  return [
    `<path class="first-line" d="M${x} ${box.top - 4}V${box.bottom}"/>`,
    text(
      Math.round(x + (left ? 5 : -5)),
      box.top - 9,
      label,
      ` class="first-label" text-anchor="${left ? 'end' : 'start'}"`,
    ),
  ];
}

/** The middle goes, since the ends tell modules apart. */
function shorten(name: string, most: number): string {
  if (name.length <= most) return name;
  const head = Math.ceil((most - 1) / 2);
  return `${name.slice(0, head)}…${name.slice(name.length - (most - 1 - head))}`;
}

/** Filled circle: pass. Diamond: plausible. Cross: wrong. */
const SHAPES: Readonly<Record<LayerVerdict, (x: number, y: number) => string>> = {
  pass: (x, y) => `M${x - 2.5} ${y}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0`,
  plausible: (x, y) => `M${x - 4} ${y}l4 -4l4 4l-4 4Z`,
  wrong: (x, y) => `M${x - 3.5} ${y - 3.5}l7 7m0 -7l-7 7`,
};

function marks(verdict: LayerVerdict, result: VerifyResult, points: DepthChart['points']): string {
  const of = points.filter((_, layer) => result.layers[layer].verdict === verdict);
  const round = (x: number): number => Math.round(x * 10) / 10;
  if (of.length === 0) return '';
  const paths = of.map(([x, y]) =>
    SHAPES[verdict](round(x), round(y)).replace(/\d+\.\d+/g, (n) => `${round(Number(n))}`),
  );
  return `<path class="mark-${verdict}" d="${paths.join('')}"/>`;
}
