import { defineConfig } from 'vitest/config';

// Suites that take minutes: full sweeps, full-size models. `npm run sweep` runs one of them.
export default defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
