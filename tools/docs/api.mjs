// Writes the second part of docs/api.md: every export of the package's entries, its declaration and doc comment, taken
// from the source by TypeScript's API. `npm run docs`; the test of the page imports `apiPage`. What stands above the
// mark in the page is written by hand and kept.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { wrap } from './wrap.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const PAGE = `${ROOT}docs/api.md`;
const ENTRIES = [
  ['clip-oracle', 'src/index.ts'],
  ['clip-oracle/browser', 'src/browser/index.ts'],
  ['clip-oracle/ops', 'src/ops/index.ts'],
  ['clip-oracle/layers', 'src/layers/index.ts'],
  ['clip-oracle/oracle', 'src/oracle/index.ts'],
  ['clip-oracle/vitest', 'src/oracle/vitest.ts'],
];

/** @returns {string} docs/api.md as it should be */
export function apiPage() {
  const checker = sources();
  const exported = new Map(); // a declaration, to the first entry that exports it
  const entries = ENTRIES.map(([entry, file]) => {
    const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(checker.file(file)));
    const items = symbols
      .map((symbol) => [symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol])
      .filter(([, { declarations }]) => declarations !== undefined)
      .sort(([a], [b]) => a.localeCompare(b, 'en'));
    for (const [, { declarations }] of items) if (!exported.has(declarations[0])) exported.set(declarations[0], entry);
    return { entry, items };
  });
  const sections = entries.flatMap(({ entry, items }) => [
    `## ${entry}`,
    ...items.flatMap(([name, { declarations }]) => {
      const first = exported.get(declarations[0]);
      const same = `As in [${first}](#${first.replace(/\//g, '')}).`;
      return [`### ${name}`, ...(first === entry ? described(declarations, checker, exported) : [same])];
    }),
  ]);
  const [above] = readFileSync(PAGE, 'utf8').split('<!-- api -->');
  return wrap(`${above}<!-- api -->\n\n${sections.join('\n\n')}\n`);
}

/** Symbols of our own files; other packages are not read, which would take most of the time. */
function sources() {
  const options = { noLib: true, types: [], allowImportingTsExtensions: true, target: ts.ScriptTarget.ESNext };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => ({
      resolvedModule: text.startsWith('.')
        ? { resolvedFileName: resolve(dirname(from), text), extension: '.ts' }
        : undefined,
    }));
  const files = ENTRIES.map(([, file]) => ROOT + file);
  const program = ts.createProgram(files, options, host);
  return Object.assign(program.getTypeChecker(), { file: (name) => program.getSourceFile(ROOT + name) });
}

function described(declarations, checker, exported) {
  const [first] = declarations;
  const file = relative(dirname(PAGE), first.getSourceFile().fileName);
  // Of an overloaded function the signatures, not the implementation.
  const shown = declarations.filter((each) => !each.body || declarations.length === 1);
  const code = shown.map((each) => declarationOf(each, checker, exported)).join('\n');
  const prose = commentsOf(ts.isVariableDeclaration(first) ? first.parent.parent : first).map(proseOf);
  return [...prose, `\`\`\`ts\n${code}\n\`\`\``, `[${file.slice(3)}](${file})`];
}

const commentsOf = (node) => ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);

/** A doc comment as paragraphs and a list of its tags. */
function proseOf(comment) {
  const text = comment.getText().replace(/^\/\*\*|\*\/$/g, '');
  const [about, ...tags] = text.replace(/^[ \t]*\* ?/gm, '').split(/(?:^|(?<= ))@(?=param|returns|throws)/m);
  const list = tags.map((tag) => `- ${tag.trim().replace(/^param (\w+)/, '`$1`')}`);
  return [about.trim(), list.join('\n')].filter((part) => part !== '').join('\n\n');
}

/** A declaration without bodies and without members that are not public. */
function declarationOf(node, checker, exported) {
  const source = node.getSourceFile().text;
  if (ts.isVariableDeclaration(node)) {
    const type = node.type?.getText() ?? node.initializer?.getText().split('\n')[0];
    return `const ${node.name.getText()}${node.type ? `: ${type}` : ` = ${type}`};`;
  }
  if (!ts.isClassDeclaration(node)) {
    const text = source.slice(node.getStart(), node.body?.getStart() ?? node.end).trim();
    return `${text.replace(/^export (?:async )?/, '')}${node.body ? ';' : ''}`;
  }
  const opening = source.slice(node.getStart(), node.members.pos).replace(/^export /, '');
  return [opening.trim(), ...membersOf(node, checker, exported), '}'].join('\n');
}

/** Public members, those of a base class that no entry exports among them. */
function membersOf(node, checker, exported) {
  const source = node.getSourceFile().text;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const own = node.members
    .filter((member) => !(ts.getCombinedModifierFlags(member) & hidden))
    .filter((member) => !(member.name && ts.isPrivateIdentifier(member.name)))
    .map((member) => {
      const end = member.body?.getStart() ?? member.type?.end ?? member.initializer?.getFullStart() ?? member.end;
      const text = source
        .slice(member.getStart(), end)
        .trim()
        .replace(/[;=\s]*$/, '');
      return [...commentsOf(member).map((each) => each.getText()), `${text.replace(/^async /, '')};`]
        .map((lines) => `  ${lines}`)
        .join('\n');
    });
  const base = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0].expression;
  let symbol = base && checker.getSymbolAtLocation(base);
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  const above = symbol?.declarations?.find(ts.isClassDeclaration);
  return [...own, ...(above && !exported.has(above) ? membersOf(above, checker, exported) : [])];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(PAGE, apiPage());
