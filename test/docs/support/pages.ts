// All Markdown pages of the project, and its files by path.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const read = (path: string): string => readFileSync(ROOT + path, 'utf8');

/** What no page speaks about: made by tools, or other people's. */
const PASSED_OVER = /(^|\/)(\.git|\.cache|node_modules|dist|coverage|corpus)$/;

function walk(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return PASSED_OVER.test(path) ? [] : [`${path}/`, ...walk(`${path}/`)];
  });
}

/** Paths from the root; folders end with a slash. */
export const files: readonly string[] = walk('');

/** Paths of the pages that people read. */
export const pages: readonly string[] = files.filter((file) => file.endsWith('.md'));

/** A page without its fenced code and its generated tables. */
export const prose = (text: string): string =>
  text
    .replace(/^```[^]*?^```$/gm, '')
    .replace(/^<!-- (conformance|floors) -->$[^]*?^<!-- \/\1 -->$/gm, '')
    .replace(/<!-- api -->[^]*$/, '');

/** Every fenced block with what stands behind its backticks, such as `ts runnable`. */
export const fences = (text: string): { language: string; code: string }[] =>
  [...text.matchAll(/^```([^\n`]*)\n([^]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
