// Values that a file of src or workers exports and no other file imports: they lose `export`, or go. Types are left
// alone, since the parameters of public functions are described by them. `node tools/unused-exports.mjs`, exit code 1
// where it finds one.

import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { sourcesOf } from './floors.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Entries of the package, of threads and of bundles: what they export is for others. */
const ENTRIES =
  /^src\/(index|ops\/index|layers\/index|oracle\/(index|vitest)|browser\/index|cli\/main)\.ts$|^workers\/(entry(-web)?|threads-(node|web))\.ts$|^src\/.*\/[\w-]*(host|node|unpack|tables|pictures)[\w-]*\.ts$/;
/** Loaded by name from a thread: what it calls is not seen by a parser. */
const BY_NAME = new Set(['src/compiler/steps.ts checkKernels', 'workers/entry.ts cached']);

/** What has been parsed, by its text: a second call with a few more files takes no second parse of all others. */
const cache = new Map();

function parsed(text) {
  if (!cache.has(text)) cache.set(text, parse(text));
  return cache.get(text);
}

/** Names of values that a source exports, and names that it imports by module ('*' for all of it). */
function parse(text) {
  const [exported, imported] = [[], []];
  const file = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest);
  // Only dynamic imports are inside of statements.
  const deep = /\bimport\s*\(/.test(text);
  const visit = (node) => {
    const isExported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (isExported && (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) && node.name)
      exported.push(node.name.text);
    if (isExported && ts.isVariableStatement(node)) {
      const names = (name) =>
        ts.isIdentifier(name) ? exported.push(name.text) : name.elements.forEach((one) => one.name && names(one.name));
      for (const { name } of node.declarationList.declarations) names(name);
    }
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      const bindings = node.importClause?.namedBindings ?? node.exportClause;
      const all = bindings === undefined || ts.isNamespaceImport(bindings) || ts.isNamespaceExport(bindings);
      const names = all ? ['*'] : bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
      imported.push([node.moduleSpecifier.text, names]);
    }
    if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      ts.isStringLiteralLike(node.arguments[0])
    )
      imported.push([node.arguments[0].text, ['*']]);
    if (deep) ts.forEachChild(node, visit);
  };
  file.statements.forEach(visit);
  return { exported, imported };
}

/**
 * "file name" of every exported value that no other file imports.
 * @param extra files that are looked at besides those on disk
 */
export function unusedExports(root = ROOT, extra = new Map()) {
  const files = [...sourcesOf(['src', 'workers', 'bench', 'tools', 'test', 'examples'], root), ...extra.keys()];
  const all = new Map(files.map((file) => [file, parsed(extra.get(file) ?? readFileSync(join(root, file), 'utf8'))]));
  const used = new Set();
  for (const [file, { imported }] of all)
    for (const [specifier, names] of imported)
      for (const name of names)
        used.add(`${specifier.startsWith('.') ? posix.join(dirname(file), specifier) : specifier} ${name}`);
  return [...all].flatMap(([file, { exported }]) =>
    !/^(src|workers)\//.test(file) || ENTRIES.test(file) || used.has(`${file} *`)
      ? []
      : exported.map((name) => `${file} ${name}`).filter((key) => !used.has(key) && !BY_NAME.has(key)),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = unusedExports();
  for (const key of found) console.error(`${key.replace(' ', ': ')} is exported, and no other file imports it`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
