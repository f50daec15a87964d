// What a page would load: every module that the library for browsers reaches, with the exchanges that package.json's
// "browser" names for bundlers. Nothing of Node's may be among them.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { BUNDLED_VERSION } from '../../src/browser/assets.ts';
import { unpack as unpackInBrowsers } from '../../src/browser/host/unpack.ts';
import { unpack } from '../../src/formats/unpack-node.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  browser: Record<string, string>;
  dependencies: Record<string, string>;
};
const exchanged = new Map(
  Object.entries(manifest.browser).map(([from, to]) => [resolve(root, from), resolve(root, to)]),
);

const parsed = new Map<string, ts.SourceFile>();

/** A file's syntax, read once; of a text that stands in for it, anew. */
function parse(file: string, text: string | undefined): ts.SourceFile {
  const known = text === undefined ? parsed.get(file) : undefined;
  if (known !== undefined) return known;
  const source = ts.createSourceFile(file, text ?? readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  if (text === undefined) parsed.set(file, source);
  return source;
}

interface Graph {
  files: Set<string>;
  packages: Set<string>;
  uses: string[];
}

/** Walks imports, static and dynamic, from the given files. `texts` stands in for files, to plant faults. */
function graphOf(entries: readonly string[], texts = new Map<string, string>()): Graph {
  const graph: Graph = { files: new Set(), packages: new Set(), uses: [] };
  const visit = (given: string): void => {
    const file = exchanged.get(given) ?? given;
    if (graph.files.has(file)) return;
    graph.files.add(file);
    const source = parse(file, texts.get(file));
    const follow = (specifier: string): void => {
      if (specifier.startsWith('.')) visit(resolve(dirname(file), specifier));
      else graph.packages.add(specifier);
    };
    const walk = (node: ts.Node): void => {
      if (
        (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
        node.moduleSpecifier !== undefined &&
        ts.isStringLiteral(node.moduleSpecifier)
      ) {
        const typesOnly = ts.isImportDeclaration(node)
          ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
          : node.isTypeOnly;
        if (!typesOnly) follow(node.moduleSpecifier.text);
      }
      if (
        ts.isCallExpression(node) &&
        node.expression.kind === ts.SyntaxKind.ImportKeyword &&
        ts.isStringLiteral(node.arguments[0])
      )
        follow(node.arguments[0].text);
      // Node's globals, unless they are asked for as properties of globalThis, as the guards do.
      if (
        ts.isIdentifier(node) &&
        ['Buffer', 'process', 'require', '__dirname'].includes(node.text) &&
        !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) &&
        !ts.isPropertySignature(node.parent) &&
        !ts.isBindingElement(node.parent) &&
        !source.text.includes('{ process } = globalThis as')
      )
        graph.uses.push(`${relative(root, file)}: ${node.text}`);
      ts.forEachChild(node, walk);
    };
    walk(source);
  };
  for (const entry of entries) visit(entry);
  return graph;
}

const ENTRIES = ['src/browser/index.ts', 'workers/entry-web.ts'].map((file) => join(root, file));

describe('the library for browsers', () => {
  const graph = graphOf(ENTRIES);

  test('reaches no module of Node and no piscina: only packages that run in a page', () => {
    expect([...graph.packages].sort()).toEqual([
      '@jsquash/jpeg/codec/dec/mozjpeg_dec.js',
      '@jsquash/webp/codec/dec/webp_dec.js',
      'jpeg-js',
      'ndarray',
      'ndarray-ops',
    ]);
    expect(graph.files.size).toBeGreaterThan(100);
  });

  test("uses none of Node's globals", () => {
    expect(graph.uses).toEqual([]);
  });

  test("has nothing of the command line, the oracle, or the files of Node's side", () => {
    const strays = [...graph.files]
      .map((file) => relative(root, file))
      .filter((file) =>
        /^src\/(cli|oracle)\/|-node\.ts$|\/(open|open-raw|file-source|download|package-file)\.ts$/.test(file),
      );
    expect(strays).toEqual([]);
  });

  test.each([
    ['an import of node:fs', 'import { readFileSync } from "node:fs"; export const x = readFileSync;'],
    ['a dynamic one', 'export const x = () => import("node:fs");'],
    ['an export from it', 'export { readFileSync } from "node:fs";'],
  ])('this walk finds %s that is planted deep inside', (_, text) => {
    expect([...graphOf(ENTRIES, new Map([[join(root, 'src/formats/half-float.ts'), text]])).packages]).toContain(
      'node:fs',
    );
  });

  test('this walk finds a Buffer that is planted', () => {
    expect(
      graphOf(
        ENTRIES,
        new Map([
          [join(root, 'src/formats/half-float.ts'), 'export const x = Buffer.from("a"), y = process.env.HOME;'],
        ]),
      ).uses,
    ).toEqual(['src/formats/half-float.ts: Buffer', 'src/formats/half-float.ts: process']);
  });
});

describe('exchanges', () => {
  test.each([...exchanged])('%s and its stand-in are there', (from, to) => {
    expect([existsSync(from), existsSync(to)]).toEqual([true, true]);
  });

  test("every file that is Node's alone by its name has one", () => {
    const own = ['src', 'workers']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, String(file))),
      )
      .filter((file) => file.endsWith('-node.ts'));
    expect(own.filter((file) => !exchanged.has(join(root, file)))).toEqual([]);
  });

  test('unpacking answers the same in both, up to the limit', async () => {
    const packed = new Uint8Array(readFileSync(join(root, 'fixtures/bundled/mini-vit.safetensors.gz')));
    const whole = (await unpack('gzip', packed, 1 << 28)) as Uint8Array;
    expect(Buffer.compare((await unpackInBrowsers('gzip', packed, whole.length)) as Uint8Array, whole)).toBe(0);
    expect([
      await unpack('gzip', packed, whole.length - 1),
      await unpackInBrowsers('gzip', packed, whole.length - 1),
    ]).toEqual(['longer', 'longer']);
    for (const unpacker of [unpack, unpackInBrowsers])
      await expect(unpacker('gzip', packed.subarray(0, packed.length >> 1), 1 << 28)).rejects.toThrow();
  });
});

test(
  "the version of the package's files is that of their contents: if one changes, raise BUNDLED_VERSION and put " +
    'the new digest here',
  () => {
    const hash = createHash('sha256');
    for (const file of [
      'mini-vit.safetensors.gz',
      'emoji-head.pth',
      'face-head.pth',
      'labels.json',
      'entities.txt',
      'octopus.jpg',
    ])
      hash.update(readFileSync(join(root, 'fixtures/bundled', file)));
    expect([BUNDLED_VERSION, hash.digest('hex').slice(0, 16)]).toEqual(['1', '6ca42b566efe1b1b']);
  },
);
