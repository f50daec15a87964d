// What a dump says about itself. safetensors has a place for it; NumPy's formats get a part `metadata.json` beside the
// arrays.

import { parseObject } from '../json.ts';

export const METADATA_FILE = 'metadata.json';
export const MAX_METADATA_BYTES = 1 << 20;

/**
 * An object of strings; values of other kinds become their JSON text. @throws Error that begins with `where` if it is
 * no JSON object
 */
export function parseMetadata(text: string, where: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parseObject(text, where)).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}
