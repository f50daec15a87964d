// What OpenAI's tokenizer has ftfy repair before anything else (ftfy.fix_text with its defaults,
// https://ftfy.readthedocs.io, version 6): text as it comes from the web. All repairs but mojibake are ftfy's to the
// character; of mojibake the common kind (mojibake.ts).

import { limits, raise } from '../../formats/limits.ts';
import { fixMojibake } from './mojibake.ts';
import { namedReferences, numbered } from './html.ts';
import { windows1252 } from './windows-1252.ts';

/** Latin ligatures and digraphs that are one character for the sake of old encodings or printing. */
const LIGATURES: Readonly<Record<string, string>> = {
  Ĳ: 'IJ',
  ĳ: 'ij',
  ŉ: 'ʼn',
  Ǳ: 'DZ',
  ǲ: 'Dz',
  ǳ: 'dz',
  Ǆ: 'DŽ',
  ǅ: 'Dž',
  ǆ: 'dž',
  Ǉ: 'LJ',
  ǈ: 'Lj',
  ǉ: 'lj',
  Ǌ: 'NJ',
  ǋ: 'Nj',
  ǌ: 'nj',
  ﬀ: 'ff',
  ﬁ: 'fi',
  ﬂ: 'fl',
  ﬃ: 'ffi',
  ﬄ: 'ffl',
  ﬅ: 'ſt',
  ﬆ: 'st',
};
const LIGATURE = new RegExp(`[${Object.keys(LIGATURES).join('')}]`, 'g');

/**
 * Line by line. From the first line on that has a "<", references are left alone: that is HTML, not text that went
 * through it.
 */
export function repairText(text: string): string {
  let unescape = true;
  return text
    .split(/(?<=\n)/)
    .map((line) => {
      if (line.includes('<')) unescape = false;
      return repairLine(line, unescape);
    })
    .join('');
}

function repairLine(line: string, unescape: boolean): string {
  const most = limits().nesting;
  for (let text = line, passes = 0; ; line = text) {
    // ftfy has no limit here: a text of "&amp;amp;amp;…" takes a pass for each.
    if (++passes > most)
      throw new RangeError(
        `tokenize: "text" expected references nested at most ${most} deep, got more; ${raise('nesting')}`,
      );
    // [1] references
    if (unescape) text = unescapeReferences(text);
    // [2] encodings mixed up; control characters 80 to 9f were meant to be those of Windows-1252
    text = fixMojibake(text).replace(/[\x80-\x9f]/g, (control) => windows1252(control.charCodeAt(0)));
    // [3] ligatures, forms of East Asian width, curly quotes
    text = text
      .replace(LIGATURE, (ligature) => LIGATURES[ligature])
      .replace(/[\u3000\uff01-\uffef]/g, (wide) => (wide === '\u3000' ? ' ' : wide.normalize('NFKC')))
      .replace(/[\u201c-\u201f]/g, '"')
      .replace(/[\u02bc\u2018-\u201b]/g, "'");
    // [4] line breaks, halves of surrogate pairs, terminals' colours, control characters
    text = text
      .replace(/\r\n?|[\u2028\u2029\x85]/g, '\n')
      .replace(/\p{Surrogate}/gu, '\ufffd')
      // eslint-disable-next-line no-control-regex
      .replace(/\x1b\[[\d;]*[a-zA-Z]/g, '')
      // eslint-disable-next-line no-control-regex
      .replace(/[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, '');
    // [5] composed characters
    text = text.normalize('NFC');
    if (text === line) return text;
  }
}

/** Names with a semicolon, also in capitals where that is no name of its own (`&EACUTE;`), and numbers. */
function unescapeReferences(text: string): string {
  if (!text.includes('&')) return text;
  const names = namedReferences();
  return text.replace(/&(#?[0-9A-Za-z]{1,24};)/g, (whole, reference: string) => {
    if (/^#(?:[0-9]+|[xX][0-9a-fA-F]+);$/.test(reference)) return numbered(reference);
    const text = names.get(reference);
    if (text !== undefined) return text;
    const lower = reference.toLowerCase();
    return reference === lower.toUpperCase() && names.has(lower) && !startsWithName(reference)
      ? names.get(lower)!.toUpperCase()
      : whole;
  });
}

/** Whether html.unescape would see a name at the beginning: `&COPYSR;` is © and SR. */
function startsWithName(reference: string): boolean {
  const names = namedReferences();
  for (let length = reference.length; length > 1; length--) if (names.has(reference.slice(0, length))) return true;
  return false;
}
