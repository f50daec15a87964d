// clip-oracle in a page: a picture in; classes, feature, attention and hashes out.

import { listenToAttention, showAttention } from './attention.ts';
import { showClasses } from './classes.ts';
import { byId, duration, make } from './dom.ts';
import { listenToFeature, showFeature } from './feature.ts';
import { forgetSample, listen, type Picture } from './input.ts';
import { loadModel, type Answer, type Arithmetic, type Loaded } from './model.ts';
import { listenToProof, showProof } from './proof.ts';

/** Files of more bytes are no pictures that somebody wants to have named. */
const MOST_BYTES = 100e6;

let shown: { picture: Picture; answer: Answer } | null = null;
let current: AbortController | null = null;
let wanted: Picture | null = null;

const settings = (): [threads: number, arithmetic: Arithmetic] => [
  Number(byId('threads', HTMLSelectElement).value),
  byId('arithmetic', HTMLSelectElement).value as Arithmetic,
];
let model: Promise<Loaded> | null = null; // null after a failure too: the next picture tries again

class LoadError extends Error {}

function start(): Promise<Loaded> {
  const progress = byId('progress', HTMLProgressElement);
  progress.hidden = false;
  status('Loading mini-vit …');
  const loading = loadModel(...settings(), (received, total) => {
    if (model !== loading) return;
    if (total !== null) Object.assign(progress, { max: total, value: received });
    status(
      `Loading mini-vit … ${(received / 1e6).toFixed(1)}${total === null ? '' : ` of ${(total / 1e6).toFixed(1)}`} MB`,
    );
  }).catch((error: Error) => {
    if (model === loading) model = null;
    throw new LoadError(`The model could not be loaded: ${error.message}`);
  });
  loading
    .then(
      ({ time }) => status(`mini-vit was loaded in ${duration(time)}.`),
      () => status(''),
    )
    .finally(() => {
      progress.hidden = true;
    });
  return loading;
}

const status = (text: string): void => {
  byId('status', HTMLElement).textContent = text;
};
const complain = (text: string): void => {
  byId('error', HTMLElement).textContent = text;
};

async function take(picture: Picture): Promise<void> {
  complain('');
  if (picture.blob.size > MOST_BYTES) {
    complain(
      `${picture.path} has ${(picture.blob.size / 1e6).toFixed(0)} MB; this page takes pictures of up to ` +
        `${MOST_BYTES / 1e6} MB.`,
    );
    return;
  }
  current?.abort();
  const { signal } = (current = new AbortController());
  wanted = picture;
  document.body.ariaBusy = 'true';
  try {
    const loaded = await (model ??= start());
    if (signal.aborted) return;
    const answer = await loaded.answer(picture.blob, signal);
    if (!signal.aborted) show(picture, answer, loaded);
  } catch (error) {
    if (signal.aborted) return;
    wanted = shown?.picture ?? null;
    complain(error instanceof LoadError ? error.message : sentence(picture.path, error as Error));
  } finally {
    if (!signal.aborted) document.body.ariaBusy = 'false';
  }
}

/** "notes.txt: expected JPEG, PNG or WebP, got text; convert it first." */
function sentence(path: string, { message }: Error): string {
  const text = message.replace(/^image: /, '');
  return `${path.replace(/^.*\//, '')}: ${text}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function show(picture: Picture, answer: Answer, loaded: Loaded): void {
  shown = { picture, answer };
  if (!picture.path.startsWith('fixtures/')) forgetSample();
  showPreview(picture);
  showClasses(answer.top);
  showAttention(answer.pixels, answer.maps);
  showFeature(answer.feature);
  showProof(picture, answer);
  showTimes(answer, loaded);
  document.body.classList.add('answered');
  const [first] = answer.top;
  status(
    `${picture.path.replace(/^.*\//, '')}: ${first.name}, in ` +
      `${duration(answer.times.preprocess + answer.times.encode)}.`,
  );
}

function showPreview({ blob, path }: Picture): void {
  const preview = byId('preview', HTMLImageElement);
  if (preview.src !== '') URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(blob);
  preview.alt = `The chosen picture, ${path.replace(/^.*\//, '')}`;
}

function showTimes({ times }: Answer, { time, threads, executor }: Loaded): void {
  const rows: [string, string][] = [
    ['Load the model', duration(time)],
    ['Decode, resize, crop', duration(times.preprocess)],
    ['Encode', duration(times.encode)],
    ['Attention maps', duration(times.maps)],
    ['Computed by', executor === 'simd' ? 'WebAssembly SIMD' : 'plain loops'],
    ['Threads', String(threads)],
  ];
  byId('times', HTMLElement).replaceChildren(
    ...rows.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
  );
}

function offerSettings(): void {
  const threads = byId('threads', HTMLSelectElement);
  // The object, not crossOriginIsolated, which some engines set without having shared memory.
  const most = typeof SharedArrayBuffer === 'undefined' ? 1 : Math.max(1, Math.min(16, navigator.hardwareConcurrency));
  threads.replaceChildren(
    ...Array.from({ length: most }, (_, i) =>
      make('option', { value: String(i + 1), selected: i + 1 === most }, String(i + 1)),
    ),
  );
  byId('not-isolated', HTMLElement).hidden = typeof SharedArrayBuffer !== 'undefined';
  for (const select of [threads, byId('arithmetic', HTMLSelectElement)]) {
    select.addEventListener('change', () => {
      current?.abort();
      model?.then(
        (old) => old.close(),
        () => undefined,
      );
      model = start();
      if (wanted !== null) void take(wanted);
    });
  }
}

listen((picture) => void take(picture), complain);
listenToAttention();
listenToFeature(
  () =>
    shown && {
      feature: shown.answer.feature,
      maps: shown.answer.maps,
      stem: shown.picture.path.replace(/^.*\/|\.\w+$/g, ''),
    },
);
listenToProof();
offerSettings();
model ??= start();
