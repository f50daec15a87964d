// The script of the report's page. It is written into the page as the text of these functions (html.ts), so they use
// nothing but the browser and one another, and are in one file. Everything is put into the page as text, never as
// markup.

import type { LayerData, MapData } from './layer-data.ts';

export interface PageData {
  layers: LayerData[];
  /** The index of the first wrong layer, or -1. */
  firstWrong: number;
  alphabet: string;
  /** What a layer's facts are called. */
  facts: readonly string[];
  charts: { wide: PageChart; narrow: PageChart };
}

interface PageChart {
  points: readonly (readonly [number, number])[];
}

type Child = Node | string;

function make(tag: string, attributes: Record<string, string>, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function draw(tag: string, attributes: Record<string, string | number>, ...children: Child[]): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...children);
  return element;
}

/** Bars: the backend's elements by effective bits. Line: our float32. */
function histogram(
  { backend, reference }: NonNullable<LayerData['histogram']>,
  verdict: string,
  alphabet: string,
): HTMLElement {
  const [left, bottom, width, tall] = [6, 128, 11, 112];
  const count = backend.counts.length;
  const svg = draw('svg', { viewBox: `0 0 ${left * 2 + width * count} 152`, class: 'histogram', role: 'img' });
  const total = backend.counts.reduce((sum, n) => sum + n, 0);
  let [most, line] = [0, ''];
  for (let bin = 0; bin < count; bin++) {
    const x = left + bin * width;
    const height = (alphabet.indexOf(backend.heights[bin]) * tall) / (alphabet.length - 1);
    const range = bin === 0 ? 'below 1 bit' : bin === count - 1 ? `${bin} bits or more` : `${bin} to ${bin + 1} bits`;
    const bar = draw('rect', { x: x + 1, y: bottom - height, width: width - 2, height, class: `bar v-${verdict}` });
    bar.append(
      draw('title', {}, `${range}: ${backend.counts[bin]} of ${total} values; float32: ${reference.counts[bin]}`),
    );
    svg.append(bar);
    const y = bottom - (alphabet.indexOf(reference.heights[bin]) * tall) / (alphabet.length - 1);
    line += `${bin === 0 ? `M${x} ${bottom}` : ''}V${y}h${width}${bin === count - 1 ? `V${bottom}` : ''}`;
    if (bin % 4 === 0)
      svg.append(
        draw(
          'text',
          { x: x + width / 2, y: bottom + 14, class: 'tick', 'text-anchor': 'middle' },
          bin === 0 ? '≤0' : `${bin}`,
        ),
      );
    if (backend.counts[bin] > backend.counts[most]) most = bin;
  }
  svg.append(
    draw('path', { d: line, class: 'own' }),
    draw('path', { d: `M${left} ${bottom}h${width * count}`, class: 'grid' }),
  );
  svg.setAttribute(
    'aria-label',
    `Histogram of ${total} values by effective bits: most of the backend's have ${most} to ${most + 1} bits.`,
  );
  return make(
    'figure',
    {},
    svg as unknown as Node,
    make(
      'figcaption',
      {},
      'Values by effective bits (counts on a log scale). ',
      make('span', { class: `key bar-key v-${verdict}` }),
      ' backend ',
      make('span', { class: 'key own-key' }),
      " our float32. Right is better; 24 is float32's own error.",
    ),
  );
}

/**
 * A colour from dark (t = 0, many bits) to bright (t = 1, few): brightness rises steadily, so that it can be read
 * without telling colours apart.
 */
function heat(t: number): [number, number, number] {
  const stops = [
    [14, 10, 42],
    [87, 16, 110],
    [188, 55, 84],
    [249, 142, 9],
    [252, 255, 164],
  ];
  const at = Math.min(3.999, Math.max(0, t * 4));
  const [from, to, part] = [stops[Math.floor(at)], stops[Math.floor(at) + 1], at % 1];
  return [0, 1, 2].map((c) => Math.round(from[c] + (to[c] - from[c]) * part)) as [number, number, number];
}

function errorMap(map: MapData, alphabet: string, title: string): HTMLElement {
  const canvas = make('canvas', { role: 'img' }) as HTMLCanvasElement;
  [canvas.width, canvas.height] = [map.columns, map.rows];
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(map.columns, map.rows);
  const last = alphabet.length - 1;
  const bitsOf = (cell: number): number =>
    map.cells[cell] === '!' ? -Infinity : map.low + ((map.high - map.low) * alphabet.indexOf(map.cells[cell])) / last;
  let worst = 0;
  for (let cell = 0; cell < map.cells.length; cell++) {
    const bits = bitsOf(cell);
    if (bits < bitsOf(worst)) worst = cell;
    image.data.set(
      bits === -Infinity ? [0, 229, 255, 255] : [...heat((map.high - bits) / (map.high - map.low)), 255],
      cell * 4,
    );
  }
  context.putImageData(image, 0, 0);
  const range = (cell: number, cells: number, of: number): string => {
    const [first, end] = [Math.ceil((cell * of) / cells), Math.ceil(((cell + 1) * of) / cells)];
    return end - first > 1 ? `${first}–${end - 1}` : `${first}`;
  };
  const describe = (cell: number): string => {
    const bits = bitsOf(cell);
    const where =
      `${map.rowLabel} ${range(Math.floor(cell / map.columns), map.rows, map.of[0])}, ${map.columnLabel} ` +
      `${range(cell % map.columns, map.columns, map.of[1])}`;
    return `${where}: ${bits === -Infinity ? 'not finite' : `${bits.toFixed(1)} bits`}`;
  };
  const worstText = `Worst cell: ${describe(worst)}.`;
  const readout = make('span', { class: 'readout' }, worstText);
  canvas.setAttribute('aria-label', `${title}. ${worstText}`);
  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.min(
      map.columns - 1,
      Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * map.columns)),
    );
    const row = Math.min(map.rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * map.rows)));
    readout.textContent = describe(row * map.columns + column);
  });
  canvas.addEventListener('pointerleave', () => {
    readout.textContent = worstText;
  });
  canvas.style.aspectRatio = `${Math.min(map.columns, 64)} / ${Math.max(4, Math.min(map.rows, 64))}`;
  const scale = make('canvas', { class: 'scale', 'aria-hidden': 'true' }) as HTMLCanvasElement;
  [scale.width, scale.height] = [64, 1];
  const ramp = scale.getContext('2d')!;
  for (let x = 0; x < 64; x++) {
    ramp.fillStyle = `rgb(${heat(1 - x / 63).join()})`;
    ramp.fillRect(x, 0, 1, 1);
  }
  return make(
    'figure',
    {},
    canvas,
    make(
      'figcaption',
      {},
      `${title}. `,
      make('span', { class: 'ramp' }, `${map.low.toFixed(1)} `, scale, ` ${map.high.toFixed(1)} bits`),
      ' ',
      readout,
    ),
  );
}

function panelOf(layer: LayerData, { alphabet, facts: names }: PageData): HTMLElement[] {
  const sign = { pass: '●', plausible: '◆', wrong: '✕' }[layer.verdict];
  const facts = make(
    'dl',
    {},
    ...layer.facts.flatMap((value, i) =>
      value === 0 ? [] : [make('div', {}, make('dt', {}, names[i]), make('dd', {}, value))],
    ),
  );
  const parts: HTMLElement[] = [make('p', { class: `verdict v-${layer.verdict}` }, `${sign} ${layer.verdict}`)];
  const figures = make('div', { class: 'figures' });
  if (layer.histogram === null)
    figures.append(make('p', {}, "This layer's values were not collected during the verification."));
  else figures.append(histogram(layer.histogram, layer.verdict, alphabet));
  if (layer.map !== null)
    figures.append(
      errorMap(layer.map, alphabet, `Error over ${layer.map.rowLabel}s (down) and ${layer.map.columnLabel}s (across)`),
    );
  if (layer.plane !== null) figures.append(errorMap(layer.plane, alphabet, "Error over the picture's plane"));
  parts.push(facts, figures);
  if (layer.worst.length > 0) {
    const head = [`index (${layer.indices.join(', ')})`, 'backend B', 'our float32 R', 'truth T', 'B − T'];
    parts.push(
      make('h3', {}, `The ${layer.worst.length === 1 ? 'only wrong element' : `worst ${layer.worst.length} elements`}`),
      make(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Worst elements' },
        make(
          'table',
          {},
          make(
            'thead',
            {},
            make('tr', {}, ...head.map((title, i) => make('th', { scope: 'col', class: i === 0 ? '' : 'n' }, title))),
          ),
          make(
            'tbody',
            {},
            ...layer.worst.map((row) =>
              make('tr', {}, ...row.map((cell, i) => make('td', { class: i === 0 ? '' : 'n' }, cell))),
            ),
          ),
        ),
      ),
    );
  }
  return parts;
}

function page(): void {
  const data = JSON.parse(document.getElementById('data')!.textContent!) as PageData;
  const { layers } = data;
  if (layers.length === 0) return;
  const byId = (id: string): HTMLElement => document.getElementById(id)!;
  const [slider, body, title, brief, filter] = [
    byId('chart'),
    byId('panel-body'),
    byId('panel-title'),
    byId('brief'),
    byId('filter') as HTMLInputElement,
  ];
  const links = [...document.querySelectorAll<HTMLAnchorElement>('#layers a')];
  const charts = (['wide', 'narrow'] as const).map((kind) => ({
    svg: document.querySelector<SVGSVGElement>(`svg.depth.${kind}`)!,
    ...data.charts[kind],
  }));
  let current = -1;

  const select = (to: number, address = true): void => {
    const layer = layers[to];
    if (to === current || layer === undefined) return;
    links[current]?.removeAttribute('aria-current');
    current = to;
    links[to].setAttribute('aria-current', 'true');
    title.textContent = layer.name;
    brief.textContent =
      `Layer ${to + 1} of ${layers.length}, ${layer.name}: relative error ${layer.facts[1]}, rho ` +
      `${layer.facts[2]}, ${layer.facts[5]} effective bits: ${layer.verdict}`;
    slider.setAttribute('aria-valuenow', `${to + 1}`);
    slider.setAttribute('aria-valuetext', brief.textContent);
    for (const { svg, points } of charts) {
      const [x, y] = points[to];
      for (const mark of svg.querySelectorAll('.cursor, .ring')) mark.setAttribute('visibility', 'visible');
      svg.querySelector('.cursor')!.setAttribute('transform', `translate(${x} 0)`);
      svg.querySelector('.ring')!.setAttribute('transform', `translate(${x} ${y})`);
    }
    body.replaceChildren(...panelOf(layer, data));
    for (const [id, step] of [
      ['previous', -1],
      ['next', 1],
    ] as const)
      (byId(id) as HTMLButtonElement).disabled = layers[to + step] === undefined;
    if (address) history.replaceState(null, '', `#${encodeURIComponent(layer.name)}`);
  };
  const fromAddress = (): number => layers.findIndex((layer) => `#${encodeURIComponent(layer.name)}` === location.hash);

  // The chart becomes a slider along the layers.
  for (const [name, value] of Object.entries({
    role: 'slider',
    tabindex: '0',
    'aria-valuemin': '1',
    'aria-valuemax': `${layers.length}`,
    'aria-label': 'Layer',
  }))
    slider.setAttribute(name, value);
  slider.addEventListener('keydown', (event) => {
    const steps: Record<string, number> = {
      ArrowRight: 1,
      ArrowUp: 1,
      ArrowLeft: -1,
      ArrowDown: -1,
      PageUp: 10,
      PageDown: -10,
      Home: -layers.length,
      End: layers.length,
    };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    select(Math.min(layers.length - 1, Math.max(0, current + step)));
  });
  for (const { svg, points } of charts) {
    const pick = (event: PointerEvent): void => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      let nearest = 0;
      points.forEach((point, i) => {
        if (Math.abs(point[0] - x) < Math.abs(points[nearest][0] - x)) nearest = i;
      });
      select(nearest);
    };
    svg.addEventListener('pointerdown', pick);
    svg.addEventListener('pointermove', (event) => {
      if (event.buttons === 1) pick(event);
    });
  }
  byId('previous').addEventListener('click', () => select(current - 1));
  byId('next').addEventListener('click', () => select(current + 1));
  document.getElementById('to-first')?.addEventListener('click', () => select(data.firstWrong));
  links.forEach((link, i) =>
    link.addEventListener('click', (event) => {
      event.preventDefault();
      select(i);
      title.focus({ preventScroll: true });
      byId('panel').scrollIntoView({ block: 'start' });
    }),
  );
  filter.addEventListener('input', () => {
    const wanted = filter.value.trim().toLowerCase();
    links.forEach((link, i) => {
      link.closest('tr')!.hidden = !`${layers[i].name} ${layers[i].verdict}`.toLowerCase().includes(wanted);
    });
  });
  addEventListener('hashchange', () => select(fromAddress(), false));
  document.documentElement.classList.add('js');
  const start = fromAddress();
  select(start >= 0 ? start : data.firstWrong >= 0 ? data.firstWrong : layers.length - 1, false);
}

/** The functions that the page needs, the one that starts it last. */
export const PAGE_FUNCTIONS = [make, draw, histogram, heat, errorMap, panelOf, page];
