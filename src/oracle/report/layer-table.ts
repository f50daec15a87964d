// All layers as a table: the part of the report that needs neither script nor colours.

import type { LayerResult, VerifyResult } from '../types.ts';
import { escapeHtml } from './escape.ts';
import { exponential, percent, short } from './numbers.ts';

/** A sign beside each verdict, so that it is not told by colour alone. */
const SIGNS: Readonly<Record<LayerResult['verdict'], string>> = { pass: '●', plausible: '◆', wrong: '✕' };

export function layerTable(result: VerifyResult): string {
  const head: [text: string, kind: string, title: string][] = [
    ['layer', '', "PyTorch's module path"],
    ['verdict', '', ''],
    ['rel. error', 'n', '‖B−T‖/‖T‖, root mean square'],
    ['rho', 'n', "how many times float32's own error"],
    ['bits', 'n', 'effective bits, 24 − log2(rho)'],
    ['max. error', 'n extra', 'largest |B−T|'],
    ['cosine dist.', 'n extra', '½‖b/|b| − t/|t|‖²'],
    ['equal bits', 'n extra', 'share of values equal bit for bit'],
    ['worst', 'extra', 'the token, channel or image with the largest relative error'],
  ];
  const rows = result.layers.map((layer, i) => {
    const { worst } = layer;
    const cells = [
      `<th scope="row"><a href="#panel" data-layer="${i}">${breakable(layer.name)}</a></th>`,
      `<td class="v-${layer.verdict}"><span aria-hidden="true">${SIGNS[layer.verdict]}</span> ${layer.verdict}</td>`,
      `<td class="n">${exponential(layer.relRms)}</td>`,
      `<td class="n">${short(layer.rho)}</td>`,
      `<td class="n">${layer.effectiveBits.toFixed(1)}</td>`,
      `<td class="n extra">${exponential(layer.maxAbs)}</td>`,
      `<td class="n extra">${exponential(layer.cosineDistance)}</td>`,
      `<td class="n extra">${percent(layer.equalBits)}</td>`,
      `<td class="extra">${worst === null ? '' : `${worst.kind} ${worst.index}: ${exponential(worst.relRms)}`}</td>`,
    ];
    return `<tr${layer.name === result.firstWrong ? ' class="first"' : ''}>${cells.join('')}</tr>`;
  });
  const headings = head.map(([text, kind, title]) => {
    const explained = title === '' ? '' : ` title="${escapeHtml(title)}"`;
    return `<th scope="col"${kind === '' ? '' : ` class="${kind}"`}${explained}>${text}</th>`;
  });
  return `<table id="layers"><thead><tr>${headings.join('')}</tr></thead>\n<tbody>${rows.join('\n')}</tbody></table>`;
}

/** Module paths may break after a dot. */
export function breakable(name: string): string {
  return escapeHtml(name).replaceAll('.', '.<wbr>');
}
