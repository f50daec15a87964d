// Engines and libraries from Debian. What must be on the system (browsers, qemu) is installed by apt-get; what belongs
// to another processor or to a newer release is downloaded with a private state of apt and unpacked into a folder, so
// that the system never hears of it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from './folder.ts';
import { outputOf } from './run-process.ts';
import type { InstallOptions } from './types.ts';

const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
let updated: Promise<unknown> | undefined;
let queue: Promise<unknown> = Promise.resolve(); // dpkg has one lock.

/** Sees that a program is on the system; installs its packages when it may. Error that names the command otherwise. */
export async function needSystem(
  program: string,
  packages: string[],
  { system = false }: InstallOptions = {},
): Promise<void> {
  if (findOnPath(program) !== undefined) return;
  const remedy = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!system || process.getuid?.() !== 0) {
    throw new Error(
      `"${program}" expected on the system, it is missing: as root run \`${remedy}\`, or this command with --install`,
    );
  }
  const install = queue.then(async () => {
    updated ??= outputOf({ command: 'apt-get', args: ['update'] });
    await updated;
    await outputOf(
      {
        command: 'apt-get',
        args: ['install', '-y', '--no-install-recommends', ...packages],
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      },
      1800,
    );
  });
  queue = install.catch(() => {});
  await install;
  if (findOnPath(program) === undefined)
    throw new Error(`"${program}" expected after \`${remedy}\`, it is still missing: look at what apt-get said`);
}

export interface Root {
  /** Names the folder: roots/NAME. */
  name: string;
  release: 'bookworm' | 'trixie';
  architecture: string;
  packages: string[];
  /** With everything that they depend on (default), or these packages alone. */
  dependencies?: boolean;
}

export function rootFolder(folder: string, root: Pick<Root, 'name'>): string {
  return join(folder, 'roots', root.name);
}

/**
 * Downloads packages of a release and architecture and unpacks them (no script of theirs runs); gives the folder, a
 * root of a file system.
 */
export async function installRoot(folder: string, root: Root): Promise<string> {
  const target = rootFolder(folder, root);
  if (existsSync(target)) return target;
  if (findOnPath('apt-get') === undefined)
    throw new Error(
      `${root.name}: expected a Debian system with apt-get: run this engine on Debian or Ubuntu, or in a ` +
        'container of it',
    );
  const state = join(folder, 'apt', root.name);
  const staging = `${target}.staging`;
  rmSync(staging, { recursive: true, force: true });
  for (const path of ['lists/partial', 'archives/partial', 'dpkg']) mkdirSync(join(state, path), { recursive: true });
  mkdirSync(staging, { recursive: true });
  // A merged /usr: packages of trixie ship nothing in /lib and rely on the links that base-files makes on a real
  // system.
  writeFileSync(join(state, 'dpkg', 'status'), '');
  writeFileSync(join(state, 'sources.list'), `deb [signed-by=${KEYRING}] ${MIRROR} ${root.release} main\n`);
  writeFileSync(
    join(state, 'apt.conf'),
    [
      `APT::Architecture "${root.architecture}";`,
      `APT::Architectures { "${root.architecture}"; };`,
      'APT::Sandbox::User "root";',
      'APT::Install-Recommends "false";',
      `Dir::State "${state}";`,
      `Dir::State::Lists "${state}/lists";`,
      `Dir::State::status "${state}/dpkg/status";`,
      `Dir::Cache "${state}";`,
      `Dir::Cache::archives "${state}/archives";`,
      `Dir::Etc::sourcelist "${state}/sources.list";`,
      'Dir::Etc::sourceparts "-";',
      'Acquire::Languages "none";',
      'Acquire::Retries "3";',
      '',
    ].join('\n'),
  );
  const apt = (args: string[], cwd?: string) =>
    outputOf(
      {
        command: 'apt-get',
        args,
        cwd,
        env: { APT_CONFIG: join(state, 'apt.conf'), DEBIAN_FRONTEND: 'noninteractive' },
      },
      1800,
    );
  await apt(['update']);
  if (root.dependencies === false) await apt(['download', ...root.packages], join(state, 'archives'));
  else await apt(['install', '-y', '--download-only', ...root.packages]);
  for (const archive of readdirSync(join(state, 'archives')).filter((name) => name.endsWith('.deb'))) {
    await outputOf({ command: 'dpkg', args: ['-x', join(state, 'archives', archive), staging] });
  }
  renameSync(staging, target);
  rmSync(state, { recursive: true, force: true });
  return target;
}

/** The version of an installed package, for engines that cannot say theirs. */
export async function packageVersion(name: string): Promise<string> {
  return outputOf({ command: 'dpkg-query', args: ['-W', '-f', '${Version}', name] });
}
