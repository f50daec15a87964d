import js from '@eslint/js';
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

const noNode = [
  {
    group: ['node:*', 'fs', 'path', 'os', 'url', 'worker_threads', 'crypto', 'zlib'],
    message: 'This runs in browsers, Deno and Bun: nothing of Node here.',
  },
];
const rooms = (folders) => [
  { group: folders.map((f) => `**/${f}/**`), message: 'This room may not import that one (see docs/design.md).' },
];
const restrict = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns: patterns.flat() }] });

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
  { files: ['src/ops/**/*.ts'], rules: restrict(noNode, rooms(['layers', 'clip', 'oracle', 'cli', 'workers'])) },
  { files: ['src/layers/**/*.ts'], rules: restrict(noNode, rooms(['clip', 'oracle', 'cli', 'workers'])) },
  { files: ['src/clip/**/*.ts'], rules: restrict(rooms(['oracle', 'cli', 'browser'])) },
  { files: ['src/browser/**/*.ts'], rules: restrict(noNode, rooms(['oracle', 'cli'])) },
  { files: ['src/oracle/**/*.ts'], rules: restrict(rooms(['cli'])) },
  { files: ['workers/**/*.ts'], rules: restrict(rooms(['clip', 'oracle', 'cli'])) },
  {
    files: ['workers/{barrier,run-program,job,fair-queue,on-abort,entry,entry-web,gang,pool,threads,threads-web}.ts'],
    rules: restrict(noNode, rooms(['clip', 'oracle', 'cli'])),
  }, // Portable, like src/ops.
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
