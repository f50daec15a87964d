// Writes the table of families into docs/checkpoints.md, between its comments: what src/clip/weights/families.ts says.
// `npm run docs` runs it after a build; the test of the page imports `withFamilies`.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [BEGIN, END] = ['<!-- families -->', '<!-- /families -->'];
const WORKS = {
  both: 'refused',
  vision: 'the text tower loads (`--tower text`); images are refused',
  text: 'the image tower loads (`--tower vision`, or without); texts are refused',
};

/**
 * @param {string} page
 * @param {readonly { name: string, foreign: keyof typeof WORKS, because: string, remedy?: string }[]} families
 * @param {readonly { name: string, remedy?: string }[]} others
 * @returns {string} the page with the table of now
 */
export function withFamilies(page, families, others) {
  const [before, rest] = page.split(`${BEGIN}\n`);
  const after = rest.split(`${END}\n`)[1];
  const rows = families.map(({ name, foreign, because, remedy = '' }) => {
    const why = `${because}${remedy === '' ? '' : `; ${remedy}`}`.replaceAll('|', '\\|');
    return `| ${name} | ${WORKS[foreign]} | ${why} |\n`;
  });
  const also = others.map(({ name, remedy = '' }) => `| ${name} | refused | no CLIP${remedy && `; ${remedy}`} |\n`);
  return `${before}${BEGIN}\n| holds | what works | why |\n|---|---|---|\n${rows.join('')}${also.join('')}${END}\n${after}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { FAMILIES, OTHERS } = await import('../../dist/src/clip/weights/families.js');
  const path = fileURLToPath(new URL('../../docs/checkpoints.md', import.meta.url));
  writeFileSync(path, withFamilies(readFileSync(path, 'utf8'), FAMILIES, OTHERS));
}
