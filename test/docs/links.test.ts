// Every relative link of every page leads to a file that exists, and every anchor to a heading of it.

import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { fences, files, pages, read } from './support/pages.ts';

/** Anchors as GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const bare = fences(text).reduce((rest, { code }) => rest.replace(code, ''), text);
  const seen = new Map<string, number>();
  return new Set(
    [...bare.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => {
      const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
      const slug = plain
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replace(/ /g, '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

/** What is wrong with the links of a page. */
function broken(page: string, text: string): string[] {
  return [...text.matchAll(/(?<!`)\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path === '' ? page : normalize(join(dirname(page), path));
      const found = path === '' || files.includes(target) || files.includes(`${target.replace(/\/$/, '')}/`);
      return !found || (anchor !== undefined && !anchorsOf(target === page ? text : read(target)).has(anchor));
    })
    .map((link) => `${page}: ${link}`);
}

test('every relative link and anchor exists', () => {
  expect(pages.length).toBeGreaterThan(30);
  expect(pages.flatMap((page) => broken(page, read(page)))).toEqual([]);
});

test('every page of docs is in its index', () => {
  const index = read('docs/README.md');
  const missing = pages
    .filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md')
    .filter((page) => !index.includes(`(${page.slice('docs/'.length)})`));
  expect(missing).toEqual([]);
});

test('every folder of fixtures is on its map', () => {
  const map = read('fixtures/README.md');
  const missing = files
    .filter((file) => /^fixtures\/[^/]+\/$/.test(file))
    .filter((folder) => !map.includes(`](${folder.slice('fixtures/'.length)}README.md)`));
  expect(missing).toEqual([]);
});

test('a link or an anchor that leads nowhere is seen', () => {
  expect(broken('docs/a.md', '# One two\n[x](#one-two) [y](design.md) [z](https://a.example/b)')).toEqual([]);
  expect(broken('docs/a.md', '# One\n[x](#two) [y](designs.md) [z](design.md#no-such)')).toEqual([
    'docs/a.md: #two',
    'docs/a.md: designs.md',
    'docs/a.md: design.md#no-such',
  ]);
});
