import js from '@eslint/js';
import { FLOORS } from './tools/floors.mjs';
import tseslint from 'typescript-eslint';

// Functions whose result ECMA-262 leaves to the implementation: their bits differ between engines, so no result may
// depend on them.
const APPROXIMATED = [
  'acos',
  'acosh',
  'asin',
  'asinh',
  'atan',
  'atanh',
  'atan2',
  'cbrt',
  'cos',
  'cosh',
  'exp',
  'expm1',
  'hypot',
  'log',
  'log1p',
  'log10',
  'log2',
  'pow',
  'sin',
  'sinh',
  'tan',
  'tanh',
  'random',
];

const banApproximations = {
  'no-restricted-properties': [
    'error',
    ...APPROXIMATED.map((property) => ({
      object: 'Math',
      property,
      message:
        'Its bits depend on the engine (ECMA-262: implementation-approximated). Use src/ops, or build it from ' +
        '+ - * / and Math.sqrt.',
    })),
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "BinaryExpression[operator='**']", message: '** is implementation-approximated. Multiply.' },
    { selector: "AssignmentExpression[operator='**=']", message: '**= is implementation-approximated. Multiply.' },
    {
      selector: "MemberExpression[object.name='Math'][computed=true]",
      message: 'Name the Math function, so that the ban on approximated ones can see it.',
    },
    {
      selector: "VariableDeclarator[init.name='Math']",
      message: 'Call Math functions as Math.name, so that the ban on approximated ones can see them.',
    },
    {
      selector: 'MemberExpression[property.name=/relaxed/i]',
      message: 'Relaxed SIMD may or may not fuse: its bits depend on the engine.',
    },
    {
      selector:
        'CallExpression > MemberExpression.callee[property.name=/^(findLast|findLastIndex|toSorted|toReversed|toSpliced)$/]',
      message: 'ES2023: SpiderMonkey 102 and Safari before 16 have no such method.',
    },
  ],
};

/** Lines that cannot be broken: JSON of a header, a hash, an address. */
const LONG_DATA = String.raw`\{"|https?://|eslint-disable`;

const noNode = [
  {
    group: ['node:*', 'fs', 'path', 'os', 'url', 'worker_threads', 'crypto', 'zlib'],
    message: 'This runs in browsers, Deno and Bun: nothing of Node here.',
  },
];
/** What a room's files may not import, by the constant that docs/design.md's table and the test of all imports are made of. */
const roomRules = FLOORS.filter(({ imports }) => imports !== null).flatMap(({ room, node, imports }) => {
  const others = FLOORS.filter((other) => other.room !== room && !imports.includes(other.room)).map(
    (other) => other.room,
  );
  const names = others.filter((other) => !other.endsWith('.ts')).map((other) => `**/${other.replace(/^src\//, '')}/**`);
  const patterns = [{ group: names, message: `${room} may not import that room (docs/design.md, tools/floors.mjs).` }];
  const files = room.endsWith('.ts') ? [room] : [`${room}/**/*.ts`];
  const rule = (list) => ({ 'no-restricted-imports': ['error', { patterns: list }] });
  if (node && room !== 'workers') return [{ files, rules: rule(patterns) }];
  return [
    { files, rules: rule([...patterns, ...noNode]) },
    { files: files.map((glob) => glob.replace('*.ts', '{*-node,entry-path,cores}.ts')), rules: rule(patterns) },
  ];
});

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'coverage', 'bench/peers/node_modules', '**/*.d.ts'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/unified-signatures': 'off',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['src/**/*.ts', 'workers/**/*.ts', 'tools/conformance/program/**/*.ts'], rules: banApproximations },
  ...roomRules,
  {
    // Prettier wraps code; this is for what it leaves: texts, comments, and the files that it passes over.
    files: ['src/**/*.ts', 'workers/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'tools/**/*.ts'],
    rules: {
      'max-len': [
        'error',
        {
          code: 120,
          ignoreRegExpLiterals: true,
          ignoreStrings: true,
          ignoreTemplateLiterals: true,
          ignorePattern: LONG_DATA,
        },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['examples/dump/*.mjs'],
    languageOptions: {
      globals: { TextEncoder: 'readonly', TextDecoder: 'readonly', Blob: 'readonly', document: 'readonly' },
    },
  },
);
