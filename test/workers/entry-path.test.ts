import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { entryPath } from '../../workers/entry-path.ts';

const root = new URL('../../', import.meta.url);

test('sources and built modules find the same entry file', () => {
  const built = new URL('dist/workers/entry.js', root).pathname;
  expect(entryPath(new URL('workers/gang.ts', root).href)).toBe(built);
  expect(entryPath(new URL('dist/workers/gang.js', root).href)).toBe(built);
});

test('a missing build is said so, with the remedy', () => {
  const empty = mkdtempSync(join(tmpdir(), 'clip-oracle-'));
  expect(() => entryPath(pathToFileURL(join(empty, 'workers', 'gang.ts')).href)).toThrow(
    /dist\/workers\/entry\.js, which is missing. .*npm run build/,
  );
});
