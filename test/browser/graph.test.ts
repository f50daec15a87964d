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
  imports: Record<string, { 'clip-oracle-source': { browser: string; default: string }; default: string }>;
  dependencies: Record<string, string>;
};
/** What is of the host, `#host/…`: the file for Node and the one for pages. */
const seams = new Map(
  Object.entries(manifest.imports).map(([name, { 'clip-oracle-source': source, default: built }]) => [
    name,
    { node: resolve(root, source.default), page: resolve(root, source.browser), built },
  ]),
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
  const visit = (file: string): void => {
    if (graph.files.has(file)) return;
    graph.files.add(file);
    const source = parse(file, texts.get(file));
    const follow = (specifier: string): void => {
      if (specifier.startsWith('.')) visit(resolve(dirname(file), specifier));
      else if (seams.has(specifier)) visit(seams.get(specifier)!.page);
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

/** The values that a file exports. */
const exportsOf = (file: string): string[] =>
  parse(file, undefined).statements.flatMap((statement) =>
    !ts.canHaveModifiers(statement) ||
    !ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      ? []
      : ts.isFunctionDeclaration(statement)
        ? [statement.name!.text]
        : ts.isVariableStatement(statement)
          ? statement.declarationList.declarations.map(({ name }) => name.getText())
          : [],
  );

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

describe('seams to the host', () => {
  test.each([...seams])('%s has a file for Node, one for pages, and the built one', (_, { node, page, built }) => {
    expect([existsSync(node), existsSync(page)]).toEqual([true, true]);
    expect(built).toBe(`./dist/${relative(root, node).replace(/\.ts$/, '.js')}`);
    const names = [node, page].map((file) => exportsOf(file));
    expect(names[1]).toEqual(expect.arrayContaining(names[0]));
    expect(names[0].length).toBeGreaterThan(0);
  });

  const all = ['src', 'workers'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((file) => join(root, folder, String(file)))
      .filter((file) => file.endsWith('.ts')),
  );

  test("every file that is Node's alone by its name belongs to one", () => {
    const known = [...seams.values()].map(({ node }) => node);
    expect(all.filter((file) => file.endsWith('-node.ts')).sort()).toEqual(known.sort());
  });

  test("each is imported by its name only: nothing of the library names Node's file", () => {
    const named = all.filter((file) => /['(]\.[^']*-node\.ts'/.test(readFileSync(file, 'utf8')));
    expect(named.map((file) => relative(root, file))).toEqual([]);
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
