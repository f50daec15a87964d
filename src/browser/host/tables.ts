// The tokenizer's tables in a browser: fetched by loadTokenizer, and then there. (src/clip/tokenizer/tables-node.ts has
// them at once, from files.)

import { bundledUrl } from '../assets.ts';
import { fetchBlob, type FetchOptions } from '../fetch.ts';
import { unpack } from './unpack.ts';

export type Table = 'merges' | 'entities';

const tables = new Map<Table, string>();

/** A table takes at most this much unpacked; the merges have half a megabyte. */
const MAX_BYTES = 16 << 20;

/** The text of a table. @throws Error where the tables have not been fetched yet */
export function readTable(table: Table): string {
  const text = tables.get(table);
  if (text === undefined)
    throw new Error(
      "tokenize: the tokenizer's tables are not there yet; in browsers await loadTokenizer() once before",
    );
  return text;
}

/**
 * Fetches a table of the package, packed or as a server unpacked it on the way.
 * @throws Error if it cannot be fetched or read
 */
export async function fetchText(
  file: 'merges.txt.gz' | 'entities.txt.gz' | 'labels.json.gz',
  options: FetchOptions,
): Promise<string> {
  const url = bundledUrl(file);
  const blob = await fetchBlob(url, 'a file of the package', options);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const unpacked = bytes[0] === 0x1f && bytes[1] === 0x8b ? await unpack('gzip', bytes, MAX_BYTES) : bytes;
  if (unpacked === 'longer') throw new Error(`"${url.href}" is not the package's file; install the package again`);
  return new TextDecoder().decode(unpacked);
}

/**
 * Fetches what `tokenize` and `detokenize` need (220 kB), once; from then on they are synchronous, as in Node. @throws
 * Error if it cannot be fetched or read
 */
export async function fetchTables(options: FetchOptions = {}): Promise<void> {
  if (!tables.has('entities')) tables.set('entities', await fetchText('entities.txt.gz', options));
  if (!tables.has('merges')) tables.set('merges', await fetchText('merges.txt.gz', options));
}
