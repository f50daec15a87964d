// The floors: every import of src and workers (static, re-exported, of types, dynamic) obeys tools/floors.mjs, nothing
// runs in a circle, and the table in docs/design.md is the constant's.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { boxesOf, circles, FLOORS, forbidden, graphOf, importsOf, table } from '../../tools/floors.mjs';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const graph = graphOf(['src', 'workers', 'bench', 'tools']);

/** What is still to be moved. An entry that no import needs any more fails the tests, so the list can only shrink. */
const KNOWN_UPWARD: string[] = [];
const KNOWN_CIRCLES: string[] = [];

test('the table in docs/design.md is the one in tools/floors.mjs (npm run docs writes it)', () => {
  expect(read('docs/design.md')).toContain(`<!-- floors -->\n${table()}\n<!-- /floors -->`);
});

test('rooms import lower floors only', () => {
  for (const { room, floor, imports } of FLOORS) {
    for (const name of imports ?? []) {
      expect(FLOORS.find((other) => other.room === name)!.floor, `${room} -> ${name}`).toBeLessThan(floor);
    }
  }
});

test('every import of src and workers is one that its room allows', () => {
  expect(graph.size).toBeGreaterThan(400);
  expect([...new Set(forbidden(graph).map((line) => line.split(' ')[0]))].sort()).toEqual([...KNOWN_UPWARD].sort());
});

test('no file imports itself by way of others, types included', () => {
  const found = circles(new Map([...graph].map(([file, { imports }]) => [file, imports])));
  expect(found.map(([first]) => first).sort()).toEqual([...KNOWN_CIRCLES].sort());
});

test('no arrow inside src/ops runs back up', () => {
  const { boxes, arrows, backwards, circles: found } = boxesOf('src/ops');
  expect(boxes).toBeGreaterThan(60);
  expect(arrows).toBeGreaterThan(150);
  expect([backwards, found]).toEqual([0, []]);
});

describe('what these tests would see', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-floors-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const files = {
    'package.json': '{ "imports": { "#host/x": { "clip-oracle-source": "./src/formats/host.ts" } } }',
    'src/ops/a.ts': "import type { B } from './b.ts'; export type A = B;",
    'src/ops/b.ts': "export type B = import('./a.ts').A;",
    'src/formats/host.ts': 'export const x = 1;',
    'src/layers/up.ts': "export const later = () => import('../clip/load.ts');",
    'src/clip/load.ts': "export { readFile } from 'node:fs/promises'; export * from '#host/x';",
    'src/wasm/node.ts': "import 'node:os';",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const planted = graphOf(['src'], folder);

  test('a dynamic import that runs up, and Node where it is not', () => {
    expect(forbidden(planted)).toEqual([
      'src/layers/up.ts imports src/clip/load.ts: src/layers may not import src/clip',
      'src/wasm/node.ts imports node:os: src/wasm runs where Node is not',
    ]);
  });

  test('a circle of types', () => {
    expect(circles(new Map([...planted].map(([file, { imports }]) => [file, imports])))).toEqual([
      ['src/ops/a.ts', 'src/ops/b.ts'],
    ]);
    expect(boxesOf('src/ops', folder)).toMatchObject({ boxes: 2, arrows: 2, circles: [['a.ts', 'b.ts']] });
  });

  test('what #host/… stands for', () => {
    expect([...planted.get('src/clip/load.ts')!.imports]).toEqual(['src/formats/host.ts']);
  });

  test('all ways to import', () => {
    expect(
      importsOf("import 'a'; import b from 'b'; export * from 'c'; type D = import('d').D; void import('e');"),
    ).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
