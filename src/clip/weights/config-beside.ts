// The configuration in the folder of the weights (configured.ts).

import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configured, MAX_CONFIG_BYTES, type Configuration } from './config.ts';

/** What `configured` finds in the folder of the weights. @throws as `configured` */
export async function readConfig(source: string, names: 'huggingface' | 'open_clip'): Promise<Configuration> {
  const folder = await stat(source).then(
    (s) => (s.isDirectory() ? source : dirname(source)),
    () => dirname(source),
  );
  return configured(
    (file) => join(folder, file),
    async (path) => ((await stat(path)).size > MAX_CONFIG_BYTES ? null : readFile(path, 'utf8')),
    names,
  );
}
