import { defineConfig } from 'vitest/config';

// Suites on other people's files, which are not ours to commit: they read the folder that CLIP_ORACLE_SHARED names
// (default ../shared).
// `npm run test:vectors -- ../shared/conformance` runs the public operator vectors.
export default defineConfig({
  test: {
    include: ['test/**/*.shared.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
