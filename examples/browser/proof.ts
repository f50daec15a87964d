// The hashes to compare with the command line's, and the command that prints them.

import { hashLines } from './bytes.ts';
import { byId, copy } from './dom.ts';
import type { Answer } from './model.ts';
import type { Picture } from './input.ts';

/** A word for POSIX shells; also right in PowerShell as long as there is no quotation mark in it. */
function shellWord(text: string): string {
  const safe = text.startsWith('-') ? `./${text}` : text;
  return /^[\w./@%+=:,-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", String.raw`'\''`)}'`;
}

export function showProof({ path, named }: Picture, { pixels, feature }: Answer): void {
  byId('command', HTMLElement).textContent = `npx clip-oracle trace ${shellWord(path)} --hash --layers visual`;
  byId('hashes', HTMLElement).textContent = hashLines({ image: pixels, visual: feature }).join('\n');
  byId('unnamed', HTMLElement).hidden = named;
  compare();
}

export function listenToProof(): void {
  for (const id of ['command', 'hashes']) {
    const button = byId(`copy-${id}`, HTMLButtonElement);
    button.addEventListener('click', () => void copy(button, byId(id, HTMLElement).textContent, byId(id, HTMLElement)));
  }
  byId('theirs', HTMLInputElement).addEventListener('input', compare);
}

/** Takes one hash or all lines that the command printed. */
function compare(): void {
  const { value } = byId('theirs', HTMLInputElement);
  const [theirs, ours] = [value.toLowerCase(), byId('hashes', HTMLElement).textContent].map(
    (text): string[] => text.match(/\b[0-9a-f]{64}\b/g) ?? [],
  );
  const verdict = byId('verdict', HTMLElement);
  const same = theirs.length > 0 && theirs.every((hash) => ours.includes(hash));
  verdict.className = same ? 'same' : 'differs';
  if (value.trim() === '' || ours.length === 0) verdict.textContent = '';
  else if (theirs.length === 0) verdict.textContent = 'A hash has 64 hexadecimal digits.';
  else if (same) verdict.textContent = '✓ The same bits.';
  else
    verdict.textContent = '✗ Not the same. Is it the same file? Programs that send pictures often compress them again.';
}
