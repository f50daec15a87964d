// The two small CLIPs that were really trained and come compressed with the project: mini-vit in the package, mini-rn
// in the repository only (both together do not fit into the 4 MB that the package may have).

import type { Tower } from './towers.ts';
import { join } from 'node:path';
import type { Checkpoint } from './checkpoint.ts';
import { exists, openCheckpoint } from './open.ts';
import { cacheFolder } from '../download/download.ts';
import { packageFile } from '../package-file.ts';

const FILES: Readonly<Record<string, string>> = {
  'mini-vit': 'mini-vit.safetensors.gz',
  'mini-rn': 'mini-rn.visual.safetensors.gz',
};

/** Names that `openBundled` knows. */
export const BUNDLED_MODELS: readonly string[] = Object.keys(FILES);

/** Where the weights of mini-vit or mini-rn are, or null: a package has mini-vit only. */
export async function bundledWeights(name: string, cache?: string): Promise<string | null> {
  for (const path of [bundledFile(FILES[name]), join(cacheFolder(cache), FILES[name])]) {
    if (await exists(path)) return path;
  }
  return null;
}

/** The path of a bundled file (`labels.json`, `emoji-head.pth`, …). */
export function bundledFile(file: string): string {
  return packageFile(join('fixtures', 'bundled', file));
}

/**
 * Opens the weights of mini-vit or mini-rn: from the package, else from the cache folder.
 * @param options.cache the cache folder, by default the downloads'
 * @param options.tower the only tower that is wanted
 * @throws RangeError for another name; Error that says where to get the file if it is in neither place
 */
export async function openBundled(name: string, options: { cache?: string; tower?: Tower } = {}): Promise<Checkpoint> {
  if (!Object.hasOwn(FILES, name))
    throw new RangeError(
      `openBundled: "name" expected ${BUNDLED_MODELS.join(' or ')}, got ${JSON.stringify(name)}; other models ` +
        'need weights',
    );
  const path = await bundledWeights(name, options.cache);
  if (path !== null) return openCheckpoint(path, { tower: options.tower });
  throw new Error(
    `the weights of ${name} do not come with the installed package; take fixtures/bundled/${FILES[name]} from ` +
      `the repository of clip-oracle and put it into "${cacheFolder(options.cache)}", or pass its path as weights`,
  );
}
