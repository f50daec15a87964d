// How often mini-vit and its heads are right on pictures that emoji_pictures.py drew, and on those in
// fixtures/pictures, beside what was published.
// Needs `npm run build`. Usage: node tools/accuracy/measure.mjs FOLDER [--json]

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import ndarray from 'ndarray';
import { load, loadHead, tokenize } from '../../dist/src/index.js';
import { linear, matmul, l2Normalize } from '../../dist/src/ops/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/**
 * fixtures/bundled/README.md: on unseen augmentations, and on one picture of each emoji made by other code. Shares of
 * pictures.
 */
const PUBLISHED = {
  'zero-shot, first': [0.906, 0.904],
  'zero-shot, first five': [0.989, null],
  'emoji head, first': [0.897, 0.884],
  'face head': [0.977, 0.982],
  'mini-rn zero-shot, first': [0.868, 0.813],
  'mini-rn zero-shot, first five': [0.974, null],
};
const BATCH = 64;

const {
  values: { json },
  positionals: [folder],
} = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } });
if (folder === undefined)
  throw new Error('expected a folder of pictures, got none; draw them with tools/accuracy/emoji_pictures.py');

/** Wilson's interval of a share: 95 % (Wilson 1927; z is the normal distribution's). */
function wilson(right, count, z = 1.959963984540054) {
  const p = right / count,
    zz = (z * z) / count;
  const middle = (p + zz / 2) / (1 + zz),
    half = (z / (1 + zz)) * Math.sqrt((p * (1 - p)) / count + zz / (4 * count));
  return [middle - half, middle + half];
}

/** How many have a larger score: 0 is first. The wanted one comes last among equals. */
function place(scores, wanted) {
  let before = 0;
  for (let i = 0; i < scores.length; i++) if (i !== wanted && scores[i] >= scores[wanted]) before++;
  return before;
}

async function features({ model, preprocess }, paths) {
  const E = model.architecture.embed;
  const all = new Float32Array(paths.length * E);
  for (let from = 0; from < paths.length; from += BATCH) {
    const part = paths.slice(from, from + BATCH);
    const images = await Promise.all(part.map((path) => preprocess(path)));
    const pixels = images[0].data.length;
    const data = new Float32Array(part.length * pixels);
    images.forEach((image, i) => data.set(image.data, i * pixels));
    const { data: rows } = await model.encodeImage(ndarray(data, [part.length, ...images[0].shape.slice(1)]));
    all.set(rows, from * E);
    process.stderr.write(`\r${Math.min(from + BATCH, paths.length)} of ${paths.length} pictures `);
  }
  process.stderr.write('\n');
  return ndarray(all, [paths.length, E]);
}

const rowsOf = ({ data, shape: [n, width] }) =>
  Array.from({ length: n }, (_, i) => data.subarray(i * width, (i + 1) * width));

const zeroShotPlaces = (images, texts, wanted) =>
  rowsOf(matmul(l2Normalize(images), texts)).map((scores, i) => place(scores, wanted[i]));

const first = (places) => places.filter((at) => at === 0).length;

/** Counts of right answers by what is measured. */
function counts(images, zeroShot, heads, wanted) {
  const found = {
    'zero-shot, first': first(zeroShot),
    'zero-shot, first five': zeroShot.filter((at) => at < 5).length,
  };
  if (heads !== null) {
    const logits = rowsOf(linear(images, heads.emoji.weight, heads.emoji.bias));
    found['emoji head, first'] = first(logits.map((scores, i) => place(scores, wanted[i])));
    const faces = rowsOf(linear(images, heads.face.weight, heads.face.bias));
    // sigmoid of more than 0 is more than one half
    found['face head'] = faces.filter(([logit], i) => logit > 0 === isFace[wanted[i]]).length;
  }
  return found;
}

const labels = JSON.parse(readFileSync(join(root, 'fixtures/bundled/labels.json'), 'utf8'));
const names = labels.map(({ name }) => name);
/** 119 of the 1,427, which is the base rate that face-head was published with (91.66 % have no face). */
const isFace = names.map((name) => name.split(' ').includes('face'));

const drawn = readdirSync(folder)
  .filter((file) => /^\d{4}-\d+\.jpg$/.test(file))
  .sort();
if (drawn.length === 0)
  throw new Error(
    `"${folder}" expected pictures named 0000-0.jpg and on, got none; draw them with tools/accuracy/emoji_pictures.py`,
  );
const kept = join(root, 'fixtures/pictures');
const named = readdirSync(kept)
  .filter((file) => /\.(png|jpg)$/.test(file) && !file.startsWith('two-'))
  .sort();
const nameOf = (file) => file.replace(/\.\w+$/, '').replaceAll('-', ' ');
const sameName = { snowman: 'snowman without snow' }; // the picture's sign is U+26C4
const wantedNamed = named.map((file) => names.indexOf(sameName[nameOf(file)] ?? nameOf(file)));
if (wantedNamed.includes(-1)) throw new Error(`${named[wantedNamed.indexOf(-1)]}: no such name in labels.json`);

const vit = await load('mini-vit');
const normalized = l2Normalize(await vit.model.encodeText(tokenize(names.map((name) => `a picture of ${name}`))));
const texts = normalized.transpose(1, 0);
const heads = {
  emoji: await loadHead(join(root, 'fixtures/bundled/emoji-head.pth')),
  face: await loadHead(join(root, 'fixtures/bundled/face-head.pth')),
};
const rn = await load('mini-rn', { weights: join(root, 'fixtures/bundled/mini-rn.visual.safetensors.gz') });

/** Zero-shot by what makes a picture hard, as far as drawn.json says it. */
function byKind(places) {
  const { pictures } = JSON.parse(readFileSync(join(folder, 'drawn.json'), 'utf8'));
  const about = drawn.map((file) => pictures[file]);
  const kinds = [
    ...[
      [0, 36],
      [36, 44],
      [44, 52],
      [52, 65],
    ].map(([from, to]) => [`emoji of ${from} to ${to - 1} pixels`, ({ side }) => side >= from && side < to]),
    ...['flat', 'gradient', 'blobs', 'noise', 'checks', 'stripes'].map((kind) => [
      `over ${kind}`,
      ({ background }) => background === kind,
    ]),
    ['blurred', ({ blur }) => blur > 0],
    ['not blurred', ({ blur }) => blur === 0],
  ];
  return kinds.map(([what, isSuch]) => {
    const such = places.filter((_, i) => isSuch(about[i]));
    const right = first(such);
    return {
      which: 'of these',
      what: `zero-shot, first: ${what}`,
      right,
      of: such.length,
      interval: wilson(right, such.length),
    };
  });
}

const rows = [];
for (const [which, paths, wanted] of [
  ['drawn', drawn.map((file) => join(folder, file)), drawn.map((file) => Number(file.slice(0, 4)))],
  ['fixtures/pictures', named.map((file) => join(kept, file)), wantedNamed],
]) {
  const ours = await features(vit, paths);
  const zeroShot = zeroShotPlaces(ours, texts, wanted);
  const found = counts(ours, zeroShot, heads, wanted);
  const others = await features(rn, paths);
  for (const [what, right] of Object.entries(counts(others, zeroShotPlaces(others, texts, wanted), null, wanted)))
    found[`mini-rn ${what}`] = right;
  for (const [what, right] of Object.entries(found))
    rows.push({
      which,
      what,
      right,
      of: paths.length,
      interval: wilson(right, paths.length),
      published: which === 'drawn' ? PUBLISHED[what] : undefined,
    });
  if (which === 'drawn') rows.push(...byKind(zeroShot));
}
await vit.model.close();
await rn.model.close();

if (json) console.log(JSON.stringify(rows));
else {
  const percent = (share) => (share === null || share === undefined ? '' : `${(100 * share).toFixed(1)} %`);
  const table = new Table({
    head: ['pictures', 'what', 'right', '', '95 % interval', "published: training's", "other code's"],
    style: { head: [], border: [] },
  });
  for (const { which, what, right, of, interval, published } of rows)
    table.push([
      which,
      what,
      `${right} of ${of}`,
      percent(right / of),
      interval.map(percent).join(' to '),
      ...[0, 1].map((i) => percent(published?.[i])),
    ]);
  console.log(table.toString());
}
