// npm run test:vectors -- FOLDER     the public operator vectors (*.jsonl) of FOLDER, default ../shared/conformance,
// through our operations

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = process.argv[2] ?? join(process.env.CLIP_ORACLE_SHARED ?? join(root, '..', 'shared'), 'conformance');
if (!existsSync(join(folder, 'webnn.jsonl'))) {
  console.error(
    `test:vectors: expected a folder with webnn.jsonl, got ${folder}; name it: npm run test:vectors -- FOLDER`,
  );
  process.exit(2);
}
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--config', 'vitest.shared.config.ts', 'test/ops/vectors.shared.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CLIP_ORACLE_VECTORS: resolve(folder) },
  },
);
process.exit(status ?? 1);
