// The comparison as a bar chart for the README: milliseconds per image, one group per model and number of threads, each
// model on its own scale.

import { describeEnvironment } from './environment.ts';
import { ours, summarise, type Report, type Summary } from './report.ts';

const WIDTH = 760;
const NAME_END = 138;
const BAR_START = 146;
const BAR_MOST = 400;
const ROW = 20;

/**
 * Colours follow the reader's scheme; the ground is drawn too, so that a viewer without media queries shows dark on
 * light. Every number is written out.
 */
const STYLE = `
  .ground { fill: #ffffff }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .model { font-size: 13px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .own { font-weight: 600 }
  .bar { fill: #afb8c1 }
  .bar.own { fill: #0969da }
  .axis { stroke: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 }
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .bar { fill: #656c76 }
    .bar.own { fill: #4493f8 }
    .axis { stroke: #656c76 }
  }`;

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x}" y="${y}"${attributes}>${escape(content)}</text>`;

/** @throws RangeError if the report has no measurement of one image at a time */
export function chart(report: Report): string {
  const rows = summarise(report.results).filter((row) => row.batch === 1 && row.weights === 'file');
  if (rows.length === 0)
    throw new RangeError('svg: "report" expected measurements with batch 1, got none; measure with --batches 1');
  const parts: string[] = [];
  let y = 24;
  parts.push(text(16, y, 'Milliseconds per image (batch 1, fastest pass; less is better)', ' class="title"'));
  for (const model of new Set(rows.map((row) => row.model))) {
    const ofModel = rows.filter((row) => row.model === model);
    const longest = Math.max(...ofModel.map((row) => row.fastest));
    for (const threads of new Set(ofModel.map((row) => row.threads))) {
      y += 30;
      parts.push(text(16, y, `${model}, ${threads} thread${threads === 1 ? '' : 's'}`, ' class="model"'));
      y += 8;
      const group = ofModel.filter((row) => row.threads === threads).sort((a, b) => a.fastest - b.fastest);
      parts.push(`<path d="M${BAR_START - 0.5} ${y}v${group.length * ROW}" class="axis"/>`);
      for (const row of group) {
        parts.push(...bar(row, ours(rows, row), longest, y));
        y += ROW;
      }
    }
  }
  for (const line of footer(report)) parts.push(text(16, (y += line === '' ? 14 : 16), line, ' class="small"'));
  const height = y + 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Milliseconds per image of clip-oracle and other engines">
<style>${STYLE}
</style>
<rect width="${WIDTH}" height="${height}" rx="6" class="ground"/>
${parts.join('\n')}
</svg>
`;
}

function bar(row: Summary, own: Summary | undefined, longest: number, y: number): string[] {
  const mine = row.engine === 'clip-oracle';
  const length = Math.max(1, (BAR_MOST * row.fastest) / longest);
  const milliseconds = row.fastest * 1000;
  const value = `${milliseconds < 100 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
  const compared = mine || own === undefined ? '' : `, ${(row.fastest / own.fastest).toFixed(2)} × ours`;
  return [
    text(NAME_END, y + 14, row.engine, ` text-anchor="end"${mine ? ' class="own"' : ''}`),
    `<rect x="${BAR_START}" y="${y + 3}" width="${length.toFixed(1)}" height="${ROW - 6}" ` +
      `class="bar${mine ? ' own' : ''}"/>`,
    text(Math.round(BAR_START + length + 6), y + 14, value + compared, mine ? ' class="own"' : ''),
  ];
}

function footer({ machine, packages }: Report): string[] {
  return [
    '',
    describeEnvironment(machine),
    packages.map(({ name, version }) => `${name} ${version}`).join(', '),
    "Same float32 weights, same image, same number of threads; alternately in fresh processes; every engine's " +
      'features checked first.',
  ];
}
