import { defineConfig } from 'vitest/config';

// The command line's long suites: every test starts programs, many of them with several threads. `npm run test:cli` runs them; CI does too.
export default defineConfig({
  test: {
    include: ['test/cli/**/*.long.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    retry: process.env.CI ? 1 : 0,
  },
});
