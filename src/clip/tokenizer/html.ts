// HTML's character references, replaced as Python's html.unescape does it (and the HTML standard, section 13.2.5.72, in
// text): also those without a semicolon, the longest name first. Differs from the standard in one way, which is
// Python's: numbers of control characters and of non-characters stand for nothing.

import { readTable } from '#host/tables';
import { windows1252 } from './windows-1252.ts';

let table: ReadonlyMap<string, string> | null = null;

/**
 * The standard's 2,231 names, those that end with a semicolon and the old ones that also do without, and what they
 * stand for.
 */
export function namedReferences(): ReadonlyMap<string, string> {
  return (table ??= new Map(
    readTable('entities')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [name, ...codes] = line.split(' ');
        return [name, String.fromCodePoint(...codes.map((code) => parseInt(code, 16)))];
      }),
  ));
}

/** Replaces each reference once: of `&amp;lt;` the reference `&lt;` stays. */
export function unescapeHtml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/gu, (whole, reference: string) =>
    reference.startsWith('#') ? numbered(reference) : (named(reference) ?? whole),
  );
}

/** The character of `#233;` or `#xe9`. */
export function numbered(reference: string): string {
  const hexadecimal = /^#[xX]/.test(reference);
  const code = parseInt(reference.slice(hexadecimal ? 2 : 1), hexadecimal ? 16 : 10);
  if (code === 0x0d) return '\r';
  if (code >= 0x80 && code <= 0x9f) return windows1252(code);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd';
  const control = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c;
  const noCharacter = (code & 0xfffe) === 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
  return control || code === 0x7f || noCharacter ? '' : String.fromCodePoint(code);
}

function named(reference: string): string | null {
  const names = namedReferences();
  for (let length = reference.length; length > 1; length--) {
    const text = names.get(reference.slice(0, length));
    if (text !== undefined) return text + reference.slice(length);
  }
  return null;
}
