// Untrusted JSON: an error with a remedy instead of a SyntaxError, and no duplicate keys (JSON.parse would keep the
// last).

import { limits, raise } from './limits.ts';

/** @throws Error that begins with `what` if the text is not a JSON object or an object in it has a key twice */
export function parseObject(text: string, what: string): Record<string, unknown> {
  checkNesting(text, what);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${what} is not valid JSON; the file is damaged: copy or download it again`);
  }
  if (!isObject(value))
    throw new Error(
      `${what} expected a JSON object, got ` +
        `${Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`}; the file is ` +
        'damaged or of another kind',
    );
  const duplicate = duplicateKey(text);
  if (duplicate !== null)
    throw new Error(`${what} has the key ${JSON.stringify(duplicate)} twice; write the file again with each name once`);
  return value;
}

/**
 * Before it is parsed: what walks through deep values afterwards would be out of stack.
 * @throws Error that begins with `what`
 */
export function checkNesting(text: string, what: string): void {
  const most = limits().nesting;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > most)
        throw new Error(
          `${what} is nested more than ${most} deep; the file is damaged or malicious: copy or download ` +
            `it again, or ${raise('nesting')}`,
        );
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first key that an object of this (valid) JSON text has twice, or null. */
function duplicateKey(text: string): string | null {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x7b) open.push(new Set());
    else if (code === 0x7d) open.pop();
    else if (code === 0x22) {
      const start = i++;
      while (text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 2 : 1;
      let next = i + 1;
      while (' \t\n\r'.includes(text.charAt(next)) && next < text.length) next++;
      if (text.charCodeAt(next) !== 0x3a) continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return null;
}
