// Wraps the paragraphs and list items of Markdown pages at 120 columns; headings, tables, code and what stands between
// HTML comments keep their lines. `node tools/docs/wrap.mjs FILE…` rewrites the files; the test of the pages imports
// `wrap`.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export const COLUMNS = 120;

/** What may not be broken: code, links' addresses and single words. A word that would begin a list or a heading
 * stays on the line before. */
const WORD = /(?:[^\s`]*`[^`]+`[^\s`]*|\S)+/g;
const STARTS_A_BLOCK = /^(?:[-*+>|]|#{1,6}|\d{1,9}[.)])$/;

/** @param {string} text a page @returns {string} the same page with wrapped paragraphs */
export function wrap(text) {
  const lines = text.split('\n');
  const out = [];
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    if (/^\s*```/.test(line)) {
      // A fenced block, to its end.
      do out.push(lines[i++]);
      while (i < lines.length && !/^\s*```\s*$/.test(lines[i]));
      if (i < lines.length) out.push(lines[i++]);
    } else if (/^<!-- (\w+) -->$/.test(line)) {
      const end = `<!-- /${/\w+/.exec(line)[0]} -->`;
      while (i < lines.length && lines[i] !== end) out.push(lines[i++]);
    } else if (
      !isText(line) ||
      (/^ {4}/.test(line) && (i === 0 || !isText(lines[i - 1]) || /^ {4}/.test(out.at(-1) ?? '')))
    ) {
      out.push(line);
      i++;
    } else {
      const [marker] = /^\s*(?:[-*+]\s+|\d+[.)]\s+|>\s+)?/.exec(line);
      const words = [line.slice(marker.length)];
      for (i++; i < lines.length && isText(lines[i]) && !/^\s*(?:[-*+]|\d+[.)]|>)\s/.test(lines[i]); i++)
        words.push(lines[i].trim());
      out.push(...broken(words.join(' '), marker, ' '.repeat(marker.length)));
    }
  }
  return out.join('\n');
}

const isText = (line) => line.trim() !== '' && !/^\s*(?:```|\||#{1,6} |<|!\[)/.test(line);

function broken(text, first, indent) {
  const lines = [];
  let line = '';
  for (const word of text.match(WORD) ?? []) {
    const fits = (lines.length === 0 ? first : indent).length + line.length + 1 + word.length <= COLUMNS;
    if (line === '') line = word;
    else if (fits || STARTS_A_BLOCK.test(word)) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].map((each, i) => (i === 0 ? first : indent) + each);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const file of process.argv.slice(2)) {
    const text = readFileSync(file, 'utf8');
    const wrapped = wrap(text);
    if (wrapped !== text) writeFileSync(file, wrapped);
  }
}
