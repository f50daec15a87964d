// Which room of the house may import which: one constant, from which ESLint's rules, the table in docs/design.md and
// the test of all imports are made. `node tools/floors.mjs --count` counts files, arrows and circles; `--write FILE`
// puts the table into a page, between <!-- floors --> and <!-- /floors -->.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * A room, the floor it is on, the rooms that it imports (types and dynamic imports included), and what it holds. Rooms
 * marked `node` may use Node's modules; all others run in pages, Deno and Bun. What is on floor 12 imports everything.
 */
export const FLOORS = [
  {
    room: 'src/wasm',
    floor: 1,
    node: false,
    imports: [],
    holds: 'assembler, machine, lanes, rows, unary: WebAssembly from nested arrays; knows no operation',
  },
  {
    room: 'src/ops',
    floor: 2,
    node: false,
    imports: ['src/wasm'],
    holds: '`x.ts` the plain loops of an operation, `x.simd.ts` its kernels',
  },
  {
    room: 'src/graph',
    floor: 3,
    node: false,
    imports: ['src/ops'],
    holds: 'nodes, the recorder, emulation: what a network is before anything is computed',
  },
  {
    room: 'src/layers',
    floor: 3,
    node: false,
    imports: ['src/ops'],
    holds: "the classes of OpenAI's model.py under their names",
  },
  {
    room: 'src/formats',
    floor: 3,
    node: true,
    imports: ['src/ops'],
    holds: 'safetensors, npy, zip, gzip, JSON, PyTorch files, dumps, limits, atomic files; knows no CLIP',
  },
  {
    room: 'src/compiler',
    floor: 4,
    node: false,
    imports: ['src/wasm', 'src/ops', 'src/graph'],
    holds: 'from a graph to steps with addresses: planner, emitters, fusing, the canary',
  },
  {
    room: 'workers',
    floor: 5,
    node: true,
    imports: ['src/wasm', 'src/compiler'],
    holds: 'threads, the barrier, gangs and their pool',
  },
  {
    room: 'src/executors',
    floor: 6,
    node: false,
    imports: ['src/wasm', 'src/ops', 'src/graph', 'src/layers', 'src/compiler', 'workers'],
    holds: 'the plain and the SIMD executor: weights in, tensors out',
  },
  {
    room: 'src/clip',
    floor: 7,
    node: true,
    imports: ['src/ops', 'src/graph', 'src/layers', 'src/formats', 'workers', 'src/executors'],
    holds: 'load, CLIP, CLIPModel, architectures; weights/, image/, tokenizer/, adapters/, download/',
  },
  {
    room: 'src/oracle',
    floor: 8,
    node: true,
    imports: ['src/ops', 'src/graph', 'src/layers', 'src/formats', 'src/executors', 'src/clip'],
    holds: 'other backends beside ours: verify, measures, claims, causes/, golden/, report/',
  },
  {
    room: 'src/features',
    floor: 8,
    node: true,
    imports: ['src/ops', 'src/formats', 'src/clip'],
    holds: 'pictures to features: the pipeline, feature files, label files, search',
  },
  {
    room: 'src/browser',
    floor: 8,
    node: false,
    imports: ['src/ops', 'src/formats', 'src/executors', 'src/clip'],
    holds: 'the entry for pages; host/ is what a page has instead of Node',
  },
  {
    room: 'src/train',
    floor: 9,
    node: true,
    imports: ['src/ops', 'src/layers', 'src/formats', 'src/executors', 'src/clip', 'src/features'],
    holds: 'head/: logistic regression on features',
  },
  {
    room: 'src/index.ts',
    floor: 10,
    node: true,
    imports: [
      'src/ops',
      'src/graph',
      'src/layers',
      'src/formats',
      'src/executors',
      'src/clip',
      'src/features',
      'src/train',
    ],
    holds: "the package's entry: one sentence a line",
  },
  {
    room: 'src/cli',
    floor: 11,
    node: true,
    imports: [
      'src/ops',
      'src/graph',
      'src/layers',
      'src/formats',
      'src/executors',
      'src/clip',
      'src/oracle',
      'src/features',
      'src/train',
    ],
    holds: 'the command: commands/ one file each, terminal/ progress and style',
  },
  { room: 'bench', floor: 12, node: true, imports: null, holds: 'verify, then time' },
  {
    room: 'tools',
    floor: 12,
    node: true,
    imports: null,
    holds: 'floors.mjs, conformance/, fuzz/, release/, pytorch/, accuracy/, docs/',
  },
  {
    room: 'test',
    floor: 12,
    node: true,
    imports: null,
    holds: 'mirrors src, workers, bench, tools and examples; support/ the judges and planted faults',
  },
  {
    room: 'examples',
    floor: 12,
    node: true,
    imports: null,
    holds: 'browser/ a page with mini-vit; dump/ how other runtimes dump their layers',
  },
];

/** Files of rooms that use Node's modules elsewhere than the room may: none of the others is portable. */
export const NODE_FILES = /-node\.ts$|\/(entry-path|cores)\.ts$/;

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The room that a file is in. */
export const roomOf = (file) => FLOORS.find(({ room }) => file === room || file.startsWith(`${room}/`));

/** Paths that `#host/…` stands for on Node's side. */
function hosts(root) {
  const { imports = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const first = (value) => (typeof value === 'string' ? value : first(value['clip-oracle-source'] ?? value.default));
  return Object.fromEntries(
    Object.entries(imports).map(([name, value]) => [name, first(value['clip-oracle-source']?.default ?? value)]),
  );
}

/** Every module that a source names: static, re-exported, of types only, and dynamic. */
export function importsOf(source) {
  const names = [];
  const file = ts.createSourceFile('x.ts', source, ts.ScriptTarget.Latest);
  // Only dynamic imports and types by import(…) are inside of statements.
  const deep = /\bimport\s*\(/.test(source);
  const visit = (node) => {
    const literal =
      node.moduleSpecifier ??
      (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : ts.isImportTypeNode(node)
          ? node.argument.literal
          : undefined);
    if (literal !== undefined && ts.isStringLiteralLike(literal)) names.push(literal.text);
    if (deep) ts.forEachChild(node, visit);
  };
  file.statements.forEach(visit);
  return names;
}

/** Sources below some folders; a name that ends in .ts is a file. */
export function sourcesOf(folders, root = ROOT) {
  return folders
    .flatMap((folder) =>
      folder.endsWith('.ts')
        ? [folder]
        : readdirSync(join(root, folder), { recursive: true }).map((name) =>
            posix.join(folder, String(name).replaceAll('\\', '/')),
          ),
    )
    .filter((name) => /\.(ts|mts|mjs)$/.test(name) && !/node_modules|\.d\.ts$/.test(name));
}

/**
 * The graph of imports below some folders.
 * @returns every file with the files that it imports and the packages that it names
 */
export function graphOf(folders, root = ROOT) {
  const graph = new Map();
  const aliases = hosts(root);
  for (const file of sourcesOf(folders, root)) {
    const [inside, packages] = [new Set(), new Set()];
    for (const name of importsOf(readFileSync(join(root, file), 'utf8'))) {
      const target = name.startsWith('#')
        ? aliases[name]?.replace(/^\.\//, '')
        : name.startsWith('.')
          ? posix.join(dirname(file), name)
          : null;
      if (target === null) packages.add(name);
      else if (target !== undefined && existsSync(join(root, target))) inside.add(target);
    }
    graph.set(file, { imports: inside, packages });
  }
  return graph;
}

/** Groups of nodes that reach each other (Tarjan 1972). @param edges node to the nodes that it points at */
export function circles(edges) {
  const [index, low, stack, found] = [new Map(), new Map(), [], []];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!edges.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1 || edges.get(node)?.has(node)) found.push(group.sort());
  };
  for (const node of edges.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** Imports that a file's room does not allow, as sentences. */
export function forbidden(graph) {
  const wrong = [];
  for (const [file, { imports, packages }] of graph) {
    const own = roomOf(file);
    if (own === undefined || own.imports === null) continue;
    for (const target of imports) {
      const room = roomOf(target);
      if (room !== undefined && room !== own && !own.imports.includes(room.room))
        wrong.push(`${file} imports ${target}: ${own.room} may not import ${room.room}`);
    }
    if (!own.node && !NODE_FILES.test(file))
      for (const name of packages)
        if (/^node:|^(fs|os|path|url|worker_threads|crypto|zlib|module)$/.test(name))
          wrong.push(`${file} imports ${name}: ${own.room} runs where Node is not`);
  }
  return wrong;
}

/** Boxes of a folder (a file in it or a subfolder of it), arrows between them, those that run back up, and floors. */
export function boxesOf(folder, root = ROOT) {
  const graph = graphOf([folder], root);
  const box = (file) => relative(folder, file).split('/')[0];
  const edges = new Map();
  for (const [file, { imports }] of graph) {
    const from = box(file);
    if (!edges.has(from)) edges.set(from, new Set());
    for (const target of imports)
      if (target.startsWith(`${folder}/`) && box(target) !== from) edges.get(from).add(box(target));
  }
  const groups = circles(edges);
  const within = (a, b) => groups.some((group) => group.includes(a) && group.includes(b));
  const arrows = [...edges.values()].reduce((sum, targets) => sum + targets.size, 0);
  // The floor of a box is one above the highest that it imports; a circle is on one floor, and its arrows back are
  // those that an order of its boxes by depth-first search does not explain.
  const depth = new Map();
  const floorOf = (name, open = new Set()) => {
    if (depth.has(name)) return depth.get(name);
    open.add(name);
    const below = [...edges.get(name)].filter((next) => !open.has(next)).map((next) => floorOf(next, open));
    open.delete(name);
    const floor = 1 + Math.max(0, ...below);
    depth.set(name, floor);
    return floor;
  };
  for (const name of edges.keys()) floorOf(name);
  let backwards = 0;
  for (const [from, targets] of edges)
    for (const to of targets) if (depth.get(to) >= depth.get(from) && within(from, to)) backwards += 1;
  return { boxes: edges.size, arrows, backwards, circles: groups, floors: Math.max(...depth.values()) };
}

/** The rooms as a table in Markdown. */
export const table = () =>
  [
    '| folder | floor | may import | holds |',
    '|---|---|---|---|',
    ...FLOORS.map(({ room, floor, node, imports, holds }) => {
      const rooms = imports === null ? 'everything' : imports.map((name) => `\`${name}\``).join(', ') || '–';
      return `| \`${room}\`${node ? ' \\*' : ''} | ${floor} | ${rooms} | ${holds} |`;
    }),
  ].join('\n');

function count(root) {
  const { boxes, arrows, backwards, circles: within, floors } = boxesOf('src/ops', root);
  console.log(`src/ops: ${boxes} boxes on ${floors} floors, ${arrows} arrows, ${backwards} backwards`);
  for (const group of within) console.log(`  a circle of ${group.length}: ${group.join(', ')}`);
  const rooms = ['src', 'workers', 'bench', 'tools'].filter((folder) => existsSync(join(root, folder)));
  const whole = graphOf(rooms, root);
  const found = circles(new Map([...whole].map(([file, { imports }]) => [file, imports])));
  console.log(`${rooms.join(', ')}: ${whole.size} files, ${found.length} circles of imports`);
  for (const group of found) console.log(`  ${group.join(', ')}`);
  const wrong = forbidden(whole);
  console.log(`${wrong.length} imports that the floors do not allow`);
  for (const line of wrong) console.log(`  ${line}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , option, value] = process.argv;
  if (option === '--count') count(value ?? ROOT);
  else if (option === '--write' && value !== undefined) {
    const page = readFileSync(value, 'utf8');
    writeFileSync(value, page.replace(/(<!-- floors -->\n).*?(\n<!-- \/floors -->)/s, `$1${table()}$2`));
  } else console.error('usage: node tools/floors.mjs --count [FOLDER] | --write FILE');
}
