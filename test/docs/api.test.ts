// docs/api.md is what the source says.

import { expect, test } from 'vitest';
import { read } from './support/pages.ts';

const { apiPage } = (await import(new URL('../../tools/docs/api.mjs', import.meta.url).href)) as { apiPage(): string };

const page = apiPage();

test('the page is up to date', () => {
  expect(page === read('docs/api.md'), 'docs/api.md is not what the source says: run npm run docs').toBe(true);
});

test.each([
  ['a function: its doc comment, its tags, its signature without the body', 'function relu(x: Tensor): Tensor;\n```'],
  ['a class: public members with their comments', '  /** Number of threads. */\n  get threads(): number;'],
  ['a constant: its type', 'const CHANNELS: Readonly<Record<string, number>>;'],
  ['tags as a list', '- throws RangeError for an unknown name or option;'],
  ['what another entry has already', '### Tensor\n\nAs in [clip-oracle](#clip-oracle).'],
])('has of %s', (_, text) => expect(page).toContain(text));

test('has nothing private and no empty section', () => {
  expect(page.slice(page.indexOf('<!-- api -->'))).not.toMatch(/^ {2}(?:#|private |protected )/m);
  expect(page).not.toMatch(/^### .*\n\n###/m);
});
