// The feature as a picture: one column for each number, up or down from zero.

import { npy, type Numbers } from './bytes.ts';
import { byId, copy, make, save } from './dom.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** Float32 numbers in the fewest digits that read back as the same float32. */
function shortest(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

const json = ({ data }: Numbers): string => `[${Array.from(data, shortest).join(',')}]`;

export function showFeature({ data }: Numbers): void {
  const figure = byId('feature', HTMLElement);
  const least = Math.min(...data),
    most = Math.max(...data);
  const high = Math.max(most, 0),
    low = Math.min(least, 0);
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${data.length * 4} 100`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${data.length} numbers from ${shortest(least)} to ${shortest(most)}`);
  const y = (value: number): number => (100 * (high - value)) / (high - low || 1);
  data.forEach((value, i) => {
    const rect = document.createElementNS(SVG, 'rect');
    const top = Math.min(y(value), y(0));
    for (const [name, number] of Object.entries({
      x: 4 * i + 0.4,
      width: 3.2,
      y: top,
      height: Math.max(0.5, Math.abs(y(value) - y(0))),
    }))
      rect.setAttribute(name, String(number));
    rect.setAttribute('class', value < 0 ? 'negative' : 'positive');
    svg.append(rect);
  });
  const readout = make('figcaption', { className: 'quiet' });
  const range = `${data.length} numbers from ${shortest(least)} to ${shortest(most)}. Blue is above zero, orange below.`;
  readout.textContent = range;
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const i = Math.min(
      data.length - 1,
      Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * data.length)),
    );
    readout.textContent = `Number ${i + 1} of ${data.length}: ${shortest(data[i])}`;
  });
  svg.addEventListener('pointerleave', () => {
    readout.textContent = range;
  });
  figure.replaceChildren(svg, readout);
}

/** @param current the numbers on show, and the picture's name without its ending */
export function listenToFeature(current: () => { feature: Numbers; maps: Numbers; stem: string } | null): void {
  const on = (
    id: string,
    act: (shown: { feature: Numbers; maps: Numbers; stem: string }, button: HTMLButtonElement) => void,
  ): void => {
    const button = byId(id, HTMLButtonElement);
    button.addEventListener('click', () => {
      const shown = current();
      if (shown !== null) act(shown, button);
    });
  };
  on('copy-feature', ({ feature }, button) => void copy(button, json(feature), null));
  on('save-json', ({ feature, stem }) => save(`${stem}.feature.json`, `${json(feature)}\n`, 'application/json'));
  on('save-npy', ({ feature, stem }) => save(`${stem}.feature.npy`, npy(feature), 'application/octet-stream'));
  on('save-maps', ({ maps, stem }) => save(`${stem}.attention.npy`, npy(maps), 'application/octet-stream'));
}
