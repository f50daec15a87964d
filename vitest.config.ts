import { defineConfig } from 'vitest/config';

// The default run: everything in test/ that needs neither ../shared nor minutes. Slow suites and suites on other
// people's files have configurations and commands of their own (package.json, "scripts").
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/*.{slow,shared,long}.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // Tests of killed threads, broken connections and signals depend on when the system lets whom run; a second try on
    // CI tells a busy machine from a fault.
    retry: process.env.CI ? 1 : 0,
  },
});
