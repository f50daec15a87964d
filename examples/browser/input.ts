// Where pictures come from: a drop anywhere in the window, the clipboard, a file, or one of the samples.

import { byId, make } from './dom.ts';

export interface Picture {
  /** What the command line would be given. */
  path: string;
  blob: Blob;
  /** Whether the path can be typed as it is: a sample in the repository, or a file that the reader chose. */
  named: boolean;
}

const SAMPLES: Record<string, string> = import.meta.glob('../../fixtures/pictures/*.{jpg,png}', {
  query: '?url',
  import: 'default',
  eager: true,
});

/**
 * The sample that is being fetched or was chosen last; none once a picture came from elsewhere, which a slow sample
 * must not replace.
 */
let latest = '';

/** @param answer is given each picture; @param refuse is told in a sentence why there is none */
export function listen(answer: (picture: Picture) => void, refuse: (reason: string) => void): void {
  const take = (picture: Picture): void => {
    latest = '';
    answer(picture);
  };
  const chooser = byId('chooser', HTMLInputElement);
  chooser.addEventListener('change', () => {
    const [file] = chooser.files ?? [];
    if (file !== undefined) take({ path: file.name, blob: file, named: true });
    chooser.value = ''; // the same file again is a choice too
  });
  addEventListener('paste', (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === 'text') return;
    const [file] = event.clipboardData?.files ?? [];
    // A copied part of a screen has no name of its own; browsers call it image.png.
    if (file !== undefined) take({ path: file.name === '' ? 'image.png' : file.name, blob: file, named: false });
    else refuse('The clipboard holds no picture; copy one, or choose a file.');
  });
  listenToDrops(take, refuse);
  showSamples(answer, refuse);
}

function listenToDrops(take: (picture: Picture) => void, refuse: (reason: string) => void): void {
  const zone = byId('zone', HTMLElement);
  let inside = 0; // dragenter and dragleave come for every element on the way
  const over = (change: number): void => {
    inside = Math.max(0, inside + change);
    zone.classList.toggle('over', inside > 0);
  };
  addEventListener('dragenter', () => over(1));
  addEventListener('dragleave', () => over(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    over(-inside);
    const { files = [] } = event.dataTransfer ?? {};
    if (files.length === 1) take({ path: files[0].name, blob: files[0], named: true });
    else if (files.length > 1) refuse(`One picture at a time: ${files.length} files were dropped.`);
    else refuse('What was dropped is no file. Pictures on other pages have to be saved first, or copied and pasted.');
  });
}

const FIRST = 'fixtures/pictures/octopus.jpg';

/** Radio buttons, so that arrow keys go from sample to sample. The first one is answered when the page opens. */
function showSamples(take: (picture: Picture) => void, refuse: (reason: string) => void): void {
  const list = byId('samples', HTMLElement).querySelector('div')!;
  for (const [source, url] of Object.entries(SAMPLES)) {
    const path = source.replace('../../', '');
    const name = path.replace(/^.*\/|\.\w+$/g, '').replaceAll('-', ' ');
    const radio = make('input', { type: 'radio', name: 'sample', value: path });
    radio.addEventListener('change', () => {
      latest = path;
      fetch(url)
        .then(async (response) => {
          if (!response.ok) throw new Error(`the server answered ${response.status}`);
          const blob = await response.blob();
          if (latest === path) take({ path, blob, named: true }); // arrows are quicker than servers
        })
        .catch((error: Error) =>
          refuse(`The sample could not be fetched (${error.message}); is the server still there?`),
        );
    });
    if (path === FIRST) queueMicrotask(() => radio.click());
    list.append(
      make(
        'label',
        { title: name },
        radio,
        make('img', { src: url, alt: name, width: 56, height: 56, loading: 'lazy', decoding: 'async' }),
      ),
    );
  }
}

/** No sample is the one shown any more. */
export function forgetSample(): void {
  for (const radio of document.querySelectorAll<HTMLInputElement>('#samples input:checked')) radio.checked = false;
}
