// What a PyTorch file says beside its tensors, where it says it under "metadata", as adapters do.

import type { PickleValue } from './pickle-values.ts';

const MAX_ENTRIES = 1000;

/**
 * The strings, numbers and booleans (and lists of them, as JSON) of the dictionary `metadata` at the root; everything
 * as text.
 */
export function metadataOf(root: PickleValue): Record<string, string> {
  const metadata = root instanceof Map ? root.get('metadata') : undefined;
  if (!(metadata instanceof Map)) return {};
  const entries: [string, string][] = [];
  for (const [key, value] of [...metadata].slice(0, MAX_ENTRIES)) {
    if (typeof key !== 'string') continue;
    if (isPlain(value)) entries.push([key, String(value)]);
    else if (Array.isArray(value) && value.length <= MAX_ENTRIES && value.every(isPlain))
      entries.push([key, JSON.stringify(value.map((item) => (typeof item === 'bigint' ? String(item) : item)))]);
  }
  return Object.fromEntries(entries);
}

const isPlain = (value: PickleValue): value is string | number | boolean | bigint =>
  ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
