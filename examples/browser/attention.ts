// The picture as the network sees it, its patches, and where they look. One token asks (the class token, or a patch
// under the pointer or the focus), one map answers (a block's head, the mean of its heads, or the rollout); the picture
// is lit where the asked-for attention falls.

import type { Numbers } from './bytes.ts';
import { byId, make, percent } from './dom.ts';
import { drawPixels, drawShares, spotlight, type Grid } from './drawing.ts';
import { mapsOf, row, type Maps } from './maps.ts';

interface Choice {
  label: string;
  words: string;
  of(maps: Maps): Float32Array;
}

const ROLLOUT: Choice = { label: 'Rollout', words: 'Rollout over all blocks', of: ({ rollout }) => rollout };

let maps: Maps | null = null;
/** The token that asks: 0 is the class token, patches follow. `pinned` stays, `pointed` is only under the pointer. */
let pinned = 0;
let pointed: number | null = null;
let choices: Choice[] = [];

const asking = (): number => pointed ?? pinned;

/** Shows another picture's attention; the choices of map and token stay. */
export function showAttention(pixels: Numbers, answered: Numbers): void {
  const { layers, heads } = maps ?? { layers: 0, heads: 0 };
  maps = mapsOf(answered);
  drawPixels(byId('seen', HTMLCanvasElement), pixels);
  if (maps.layers !== layers || maps.heads !== heads) {
    makeChoices(maps);
    makeGrid(maps.grid);
  }
  ask();
}

function makeChoices({ layers, heads }: Maps): void {
  choices = [];
  const table = byId('maps', HTMLElement);
  const header = make(
    'div',
    { className: 'maps-row', ariaHidden: 'true' },
    make('span'),
    ...Array.from({ length: heads }, (_, a) => make('span', {}, `head ${a + 1}`)),
    make('span', {}, 'mean'),
  );
  const rows = Array.from({ length: layers }, (_, l) =>
    make(
      'div',
      { className: 'maps-row' },
      make('span', { ariaHidden: 'true' }, `block ${l + 1}`),
      ...Array.from({ length: heads }, (__, a) =>
        option({
          label: `Block ${l + 1}, head ${a + 1}`,
          words: `Block ${l + 1}, head ${a + 1}`,
          of: (all) => all.of(l, a),
        }),
      ),
      option({
        label: `Block ${l + 1}, mean of heads`,
        words: `Block ${l + 1}, mean of its heads`,
        of: (all) => all.means[l],
      }),
    ),
  );
  table.style.setProperty('--columns', String(heads + 1));
  table.replaceChildren(
    header,
    ...rows,
    make(
      'div',
      { className: 'maps-row' },
      make('span', { ariaHidden: 'true' }, 'rollout'),
      ...Array.from({ length: heads }, () => make('span')),
      option(ROLLOUT),
    ),
  );
  const radios = [...table.querySelectorAll('input')];
  radios[radios.length - 1].checked = true;
}

function option(choice: Choice): HTMLLabelElement {
  const radio = make('input', { type: 'radio', name: 'map', value: String(choices.length), ariaLabel: choice.label });
  choices.push(choice);
  radio.addEventListener('change', ask);
  return make('label', { title: choice.label }, radio, make('canvas', { ariaHidden: 'true' }));
}

const checkedChoice = (): Choice =>
  choices[Number(document.querySelector<HTMLInputElement>('#maps input:checked')?.value ?? choices.length - 1)];

/** The token that asks changed, or the map. */
function ask(): void {
  if (maps === null) return;
  const token = asking();
  const { grid, L } = maps;
  const shares = row(checkedChoice().of(maps), token, L);
  spotlight(byId('lit', HTMLCanvasElement), shares, grid);
  const thumbnails = document.querySelectorAll<HTMLCanvasElement>('#maps canvas');
  choices.forEach((choice, i) => drawShares(thumbnails[i], row(choice.of(maps!), token, L), grid));
  byId('class-token', HTMLButtonElement).ariaPressed = String(token === 0);
  for (const [i, patch] of patches().entries()) {
    patch.classList.toggle('asking', token === i + 1);
    patch.ariaSelected = String(pinned === i + 1);
    patch.ariaLabel = `Row ${Math.floor(i / grid.columns) + 1}, column ${(i % grid.columns) + 1}: ${percent(shares[i + 1])}`;
  }
  byId('readout', HTMLElement).textContent = sentence(token, shares, grid);
}

function sentence(token: number, shares: Float32Array, grid: Grid): string {
  const place = (i: number): string =>
    `row ${Math.floor((i - 1) / grid.columns) + 1}, column ${((i - 1) % grid.columns) + 1}`;
  const most = (except: number): number => {
    let best = except === 1 ? 2 : 1;
    for (let i = best + 1; i < shares.length; i++) if (i !== except && shares[i] > shares[best]) best = i;
    return best;
  };
  const best = most(0);
  const part = (i: number): string => `${i === token ? 'itself' : place(i)} (${percent(shares[i])})`;
  const where = best === token ? `${part(best)}, then at ${part(most(token))}` : part(best);
  const who =
    token === 0
      ? `the class token looks most at ${where}; ${percent(shares[0])} stays with itself`
      : `the patch in ${place(token)} looks most at ${where}; ${percent(shares[0])} at the class token`;
  return `${checkedChoice().words}: ${who}.`;
}

const patches = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('#patches [role=gridcell]')];

function makeGrid({ rows, columns }: Grid): void {
  const grid = byId('patches', HTMLElement);
  grid.style.setProperty('--columns', String(columns));
  grid.replaceChildren(
    ...Array.from({ length: rows }, (_, y) => {
      const line = make(
        'div',
        {},
        ...Array.from({ length: columns }, (__, x) => {
          const patch = make('button', { type: 'button', tabIndex: y === 0 && x === 0 ? 0 : -1 });
          patch.setAttribute('role', 'gridcell');
          patch.dataset.token = String(y * columns + x + 1);
          return patch;
        }),
      );
      line.setAttribute('role', 'row');
      return line;
    }),
  );
}

const tokenOf = (target: EventTarget | null): number | null => {
  const token = target instanceof HTMLElement ? target.dataset.token : undefined;
  return token === undefined ? null : Number(token);
};

export function listenToAttention(): void {
  const grid = byId('patches', HTMLElement);
  const pin = (token: number): void => {
    pinned = token;
    pointed = null;
    if (token > 0)
      patches().forEach((patch, i) => {
        patch.tabIndex = i + 1 === token ? 0 : -1;
      });
    ask();
  };
  grid.addEventListener('pointerover', (event) => {
    if (event.pointerType === 'touch') return; // fingers choose, they do not hover
    pointed = tokenOf(event.target);
    ask();
  });
  grid.addEventListener('pointerleave', () => {
    pointed = null;
    ask();
  });
  grid.addEventListener('click', (event) => {
    const token = tokenOf(event.target);
    if (token !== null) pin(token);
  });
  grid.addEventListener('focusin', (event) => {
    // By keyboard the focus is the question; a click decides by itself.
    const token = tokenOf(event.target);
    if (token !== null && (event.target as HTMLElement).matches(':focus-visible')) pin(token);
  });
  grid.addEventListener('keydown', (event) => {
    const token = tokenOf(event.target);
    if (token === null || maps === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = moved(event.key, token - 1, maps.grid);
    if (event.key === 'Escape') {
      pin(0);
      byId('class-token', HTMLButtonElement).focus();
    } else if (next !== null) {
      event.preventDefault(); // the page would scroll
      patches()[next].focus();
      pin(next + 1);
    }
  });
  byId('class-token', HTMLButtonElement).addEventListener('click', () => pin(0));
}

/** Where an arrow, Home or End goes from patch i; null for other keys. */
function moved(key: string, i: number, { rows, columns }: Grid): number | null {
  const y = Math.floor(i / columns),
    x = i % columns;
  const to = {
    ArrowLeft: [y, x - 1],
    ArrowRight: [y, x + 1],
    ArrowUp: [y - 1, x],
    ArrowDown: [y + 1, x],
    Home: [y, 0],
    End: [y, columns - 1],
  }[key];
  if (to === undefined) return null;
  const [toY, toX] = [Math.min(rows - 1, Math.max(0, to[0])), Math.min(columns - 1, Math.max(0, to[1]))];
  return toY * columns + toX;
}
