import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// One suite is one suffix: x.test.ts runs by default and needs neither ../shared nor minutes; x.long.test.ts starts
// programs, adapters and emulation; x.slow.test.ts takes minutes, or needs PyTorch or a browser; x.shared.test.ts reads
// other people's files where they are (the folder CLIP_ORACLE_SHARED, default ../shared).
const suite = (name: string, include: string, exclude: string[], seconds: number) => ({
  extends: true as const,
  test: { name, include: [include], exclude, testTimeout: 1000 * seconds, hookTimeout: 1000 * Math.min(seconds, 600) },
});

// `#host/…` of package.json: the sources, not the build.
const conditions = ['clip-oracle-source', ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      suite('fast', 'test/**/*.test.ts', ['**/*.{long,slow,shared}.test.ts'], 60),
      suite('long', 'test/**/*.long.test.ts', [], 60),
      suite('slow', 'test/**/*.slow.test.ts', [], 1800),
      suite('shared', 'test/**/*.shared.test.ts', [], 120),
    ],
  },
});
