// What a walk through folders leaves out, counted by kind, so that nothing is missing without a word.

import { extname } from 'node:path';
import { remedyFor } from '../clip/image/sniff.ts';
import { formatName } from '../formats/signatures.ts';

/** Pictures that people take for readable: what is passed over of them is said with the remedy. */
const PICTURES = new Set(['HEIC', 'HEIF', 'AVIF', 'JPEG XL', 'JPEG 2000', 'SVG', 'a Photoshop file', 'OpenEXR']);
/** Kinds that are named; the rest is counted together. */
const MOST_KINDS = 12;

/** Files of folders that are no images, by the ending of their names. */
export class PassedOver {
  readonly #kinds = new Map<string, { count: number; note: string }>();
  count = 0;

  /** @param begin the file's first bytes */
  add(name: string, begin: Uint8Array): void {
    const ending = extname(name).toLowerCase();
    const format = formatName(begin);
    const note =
      format !== null && PICTURES.has(format) ? `${format.replace(/^a /, '')} is not read; ${remedyFor(format)}` : '';
    this.#count(ending === '' ? (name.startsWith('.') ? 'hidden' : 'without an ending') : ending, 1, note);
  }

  addAll(others: PassedOver): void {
    for (const [kind, { count, note }] of others.#kinds) this.#count(kind, count, note);
  }

  #count(kind: string, count: number, note: string): void {
    const known = this.#kinds.get(kind);
    this.#kinds.set(kind, { count: (known?.count ?? 0) + count, note: known?.note || note });
    this.count += count;
  }

  /** `passed over: 3 .txt, 1 .heic (HEIC is not read; …)`, the most frequent first. */
  text(): string {
    const kinds = [...this.#kinds].sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1));
    const named = kinds.slice(0, MOST_KINDS);
    const rest = kinds.slice(MOST_KINDS).reduce((sum, [, { count }]) => sum + count, 0);
    const parts = named.map(([kind, { count, note }]) => `${count} ${kind}${note === '' ? '' : ` (${note})`}`);
    return `passed over: ${[...parts, ...(rest > 0 ? [`${rest} of other kinds`] : [])].join(', ')}`;
  }
}
