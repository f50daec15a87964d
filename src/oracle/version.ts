// What results and dumps say about who made them.

import { readFileSync } from 'node:fs';
import { packageFile } from '../clip/package-file.ts';

/** Version of the numerics contract (docs/numerics.md). It changes when a bit of any float32 result may. */
export const CONTRACT = '1';

/** Of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
