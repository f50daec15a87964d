// Mojibake of the common kind: UTF-8 that was decoded as Windows-1252 or Latin-1 ("schÃ¶n", "donâ€™t", "ðŸ˜€"). ftfy
// finds these by a long list of unlikely neighbours and knows nine more encodings, lost bytes and non-breaking spaces
// that became spaces; here a run must be UTF-8 as it stands.

import { byteOf, windows1252 } from './windows-1252.ts';

const characters = (from: number, to: number): string =>
  `[${Array.from({ length: to - from + 1 }, (_, i) => {
    const [latin1, windows] = [String.fromCharCode(from + i), windows1252(from + i)];
    return latin1 === windows ? latin1 : latin1 + windows;
  }).join('')}]`;

const NEXT = characters(0x80, 0xbf);
/** One or more sequences of UTF-8 with bytes above 7f, as characters. */
const RUN = new RegExp(
  `(?:${characters(0xc2, 0xdf)}${NEXT}|${characters(0xe0, 0xef)}${NEXT}{2}|${characters(0xf0, 0xf4)}${NEXT}{3})+`,
  'g',
);

/** Text in which runs that can hardly be anything else are decoded. What was encoded twice is decoded twice. */
export function fixMojibake(text: string): string {
  const fixed = text
    .replace(RUN, (run, at: number) =>
      plausible(run, text.slice(Math.max(0, at - 1), at), text.slice(at + run.length, at + run.length + 1))
        ? (decoded(run) ?? run)
        : run,
    )
    // The byte a0 was taken for a space: a non-breaking space, and the French word à.
    .replace(/(?<=[a-z.,?!] ?)Â (?=\p{L})|(?<![A-Z] ?)Ã (?=\p{L})/gu, (lost) => (lost.startsWith('Â') ? ' ' : 'à '));
  return fixed === text ? text : fixMojibake(fixed);
}

/**
 * Whether a run is more likely UTF-8 than what it says. Sequences of three or four and several in a row are; so are two
 * that begin with Â, Ã, Î or Ð, have a control character, or a sign such as ® after no capital letter. "É…" and "Å»"
 * may be meant, but not before a small letter.
 */
function plausible(run: string, before: string, after: string): boolean {
  if (run.length > 2 || /^[ÂÃÎÐ]|[\x80-\x9f]/.test(run)) return true;
  if (!/^[Ä-Ñ×ØÜÝß]/.test(run) || /\p{Lu}/u.test(before)) return false;
  return /[ƒ†‡ˆ‰˜¢¤¥¦¨©¬®¯°±²³µ¶¹¼½¾]$/.test(run) || /\p{Ll}/u.test(after);
}

/** The run's bytes as UTF-8, or null. */
function decoded(run: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run, byteOf));
  } catch {
    return null;
  }
}
