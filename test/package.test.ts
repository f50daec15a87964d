// The supply chain as far as the repository's own files decide it: what the lock file pins, what runs at installation,
// what is published.
// tools/release/check-package.mjs looks at the packed tarball itself.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Locked {
  version: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
}
interface Lock {
  lockfileVersion: number;
  packages: Record<string, Locked>;
}
interface Manifest {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  publishConfig: { access: string; provenance: boolean };
  files: string[];
}

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as Lock;
/** Licences that ask for no more than that their text is kept. */
const PERMISSIVE = new Set([
  'MIT',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
]);
const nameOf = (place: string): string => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What is wrong with a lock file, one sentence each. */
function lockFaults({ lockfileVersion, packages }: Lock): string[] {
  const faults = lockfileVersion === 3 ? [] : [`lockfileVersion ${lockfileVersion}`];
  for (const [place, locked] of Object.entries(packages)) {
    if (place === '') continue;
    if (locked.link) faults.push(`${place} is a link`);
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(locked.integrity ?? '')) faults.push(`${place} has no SHA-512`);
    // The lock file may leave the address out: then it is the registry's, whichever is set, and the hash alone decides.
    if (locked.resolved !== undefined && !locked.resolved.startsWith('https://registry.npmjs.org/'))
      faults.push(`${place} comes from ${locked.resolved}`);
    if (locked.hasInstallScript) faults.push(`${place} runs a script at installation`);
    if (!locked.dev && !PERMISSIVE.has(locked.license ?? '')) faults.push(`${place} has the licence ${locked.license}`);
  }
  return faults;
}

describe('package-lock.json', () => {
  test(
    'pins every package by SHA-512, from the registry, without scripts at installation; what is shipped has ' +
      'permissive licences',
    () => {
      expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
      expect(lockFaults(lock)).toEqual([]);
    },
  );

  test.each<[string, Partial<Locked>, string]>([
    ['no hash', { integrity: undefined }, 'has no SHA-512'],
    ['a weak hash', { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'has no SHA-512'],
    ['another host', { resolved: 'git+ssh://git@github.com/x/y.git#0' }, 'comes from git+ssh'],
    ['a script', { hasInstallScript: true }, 'runs a script'],
    ['a licence that is not permissive', { license: 'GPL-3.0-only' }, 'has the licence GPL-3.0-only'],
    ['no licence', { license: undefined }, 'has the licence undefined'],
    ['a link', { link: true }, 'is a link'],
  ])('a package with %s is found', (_what, change, expected) => {
    const place = 'node_modules/yazl';
    const faults = lockFaults({
      ...lock,
      packages: { ...lock.packages, [place]: { ...lock.packages[place], ...change } },
    });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`${place} ${expected}`);
  });

  test('fits package.json', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect([name, lock.packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
  });
});

describe('package.json', () => {
  test('names exact versions only', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect(`${name}@${version}`).toMatch(/@\d+\.\d+\.\d+$/);
  });

  test('runs nothing at installation from the registry; a checkout is built by prepare', () => {
    for (const script of [
      'preinstall',
      'install',
      'postinstall',
      'prepublish',
      'preprepare',
      'postprepare',
      'dependencies',
    ])
      expect(manifest.scripts).not.toHaveProperty(script);
    expect(manifest.scripts.prepare).toBe('node tools/release/prepare.mjs');
  });

  test('is published in public, with provenance', () => {
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
  });
});

test(
  'the bill of materials has what the lock file ships, the bundled files by their hashes, and is the same each ' +
    'time',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-sbom-'));
    try {
      const make = (name: string): string => {
        execFileSync(process.execPath, ['tools/release/sbom.mjs', join(folder, name)], {
          cwd: new URL('..', import.meta.url),
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        return readFileSync(join(folder, name), 'utf8');
      };
      const text = make('first.json');
      expect(make('second.json')).toBe(text);
      expect(text).not.toMatch(/timestamp|serialNumber|urn:uuid/);
      interface Component {
        name: string;
        version: string;
        hashes: { alg: string; content: string }[];
        licenses: { license: { id?: string; name?: string } }[];
        purl: string;
      }
      const bill = JSON.parse(text) as {
        bomFormat: string;
        components: Component[];
        metadata: { component: { components: Component[] } };
        dependencies: { ref: string; dependsOn: string[] }[];
      };
      expect(bill.bomFormat).toBe('CycloneDX');
      const shipped = Object.entries(lock.packages)
        .filter(([place, { dev }]) => place !== '' && !dev)
        .map(
          ([place, { version, integrity, license }]) =>
            `${nameOf(place)} ${version} ` +
            `${Buffer.from(integrity!.slice('sha512-'.length), 'base64').toString('hex')} ${license}`,
        )
        .sort();
      expect(
        bill.components
          .map(
            ({ name, version, hashes, licenses }) =>
              `${name} ${version} ${hashes[0].content} ${licenses[0].license.id}`,
          )
          .sort(),
      ).toEqual(shipped);
      expect(bill.dependencies.find(({ ref }) => ref.startsWith('clip-oracle@'))!.dependsOn).toHaveLength(
        Object.keys(manifest.dependencies).length,
      );
      const data = bill.metadata.component.components;
      expect(data.map(({ name }) => name.replace(/^fixtures\/bundled\/|\.gz$/g, ''))).toEqual(
        expect.arrayContaining([
          'mini-vit.safetensors',
          'emoji-head.pth',
          'face-head.pth',
          'labels.json',
          'merges.txt',
        ]),
      );
      expect(data.some(({ name }) => name.includes('mini-rn'))).toBe(false);
      for (const { name, hashes, licenses } of data) {
        expect([name, hashes[0].content]).toEqual([
          name,
          createHash('sha256')
            .update(readFileSync(new URL(`../${name}`, import.meta.url)))
            .digest('hex'),
        ]);
        expect(licenses[0].license.id ?? licenses[0].license.name).toBeTruthy();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

describe('tools/release/check-release.mjs', () => {
  const check = (env: Record<string, string>): { status: number | null; text: string } => {
    const { status, stderr } = spawnSync(process.execPath, ['tools/release/check-release.mjs'], {
      cwd: new URL('..', import.meta.url),
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    return { status, text: stderr };
  };

  test('stops a tag of another version, and a repository that package.json does not name', () => {
    const { status, text } = check({ GITHUB_REF_NAME: 'v0.0.1', GITHUB_REPOSITORY: 'someone/else' });
    expect(status).toBe(1);
    expect(text).toMatch(
      /the tag expected v\d+\.\d+\.\d+, package.json's version, got v0\.0\.1; tag the commit that has the version/,
    );
    expect(text).toMatch(/repository\.url expected git\+https:\/\/github\.com\/someone\/else\.git/);
  });

  test('says nothing about a tag that fits', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(check({ GITHUB_REF_NAME: `v${version}`, GITHUB_REPOSITORY: 'a/b' }).text).not.toContain('the tag expected');
  });
});

test(
  'the workflow that publishes takes its actions by commit, runs no scripts of dependencies, and may do no more ' +
    'than read and sign',
  () => {
    const workflow = read('.github/workflows/publish.yml');
    const actions = [...workflow.matchAll(/uses: (\S+)/g)].map(([, action]) => action);
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/);
    expect(workflow).toMatch(/^permissions: \{\}$/m);
    expect([...workflow.matchAll(/^ {6}([\w-]+): (read|write)$/gm)].map(([, what, how]) => `${what}: ${how}`)).toEqual([
      'contents: read',
      'id-token: write',
    ]);
    expect(workflow).toContain('.ci/run install');
    expect(read('.ci/run')).toContain('npm ci --no-audit --no-fund --ignore-scripts');
    expect(workflow).not.toContain('secrets.');
  },
);
