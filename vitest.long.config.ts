import { defineConfig } from 'vitest/config';

// Suites that would take the default run beyond two minutes: the command line's, where every test starts programs,
// adapters and emulation. `npm run test:long` runs them; CI does too.
export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    retry: process.env.CI ? 1 : 0,
  },
});
