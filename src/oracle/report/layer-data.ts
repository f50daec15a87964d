// What the page's script needs of each layer, as JSON: numbers ready to be shown, histograms as counts, maps as one
// letter per cell.

import { log2 } from '../log2.ts';
import type { LayerResult } from '../types.ts';
import { FULL_BITS, type LayerPicture } from './collector.ts';
import { coarsen, type ErrorMap } from './error-map.ts';
import { visible } from './escape.ts';
import { exponential, percent, short, value } from './numbers.ts';

/**
 * A map's cells, row by row, one letter each: its place in ALPHABET from `low` to `high` effective bits; '!' has a
 * value that is not finite.
 */
export interface MapData {
  rows: number;
  columns: number;
  low: number;
  high: number;
  cells: string;
  rowLabel: string;
  columnLabel: string;
  of: [rows: number, columns: number];
}

/**
 * Elements per bin, and how high their bars are: a letter of ALPHABET, by the logarithm of the count, so that a single
 * bad element is seen.
 */
export interface Bars {
  counts: number[];
  heights: string;
}

export interface LayerData {
  name: string;
  verdict: LayerResult['verdict'];
  /** In the order of FACTS; 0 where there is nothing to say. */
  facts: (string | 0)[];
  histogram: { backend: Bars; reference: Bars } | null;
  map: MapData | null;
  plane: MapData | null;
  indices: string[];
  worst: [index: string, backend: string, reference: string, truth: string, error: string][];
}

export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const MOST_BITS = 30;
/** A map's scale spans at least this many bits, so that plain noise looks even. */
const LEAST_SPAN = 6;

/** @param picture null if no collector saw the layer */
export function layerData(layer: LayerResult, picture: LayerPicture | null, mostCells: number): LayerData {
  const { name, verdict } = layer;
  const common = { name: visible(name), verdict, facts: facts(layer) };
  if (picture === null) return { ...common, histogram: null, map: null, plane: null, indices: [], worst: [] };
  const { axes } = picture;
  return {
    ...common,
    histogram: histogram(picture),
    map: mapData(picture.map, picture.unit, mostCells, axes.rowKind, axes.columnKind, [axes.rows, axes.columns]),
    plane:
      picture.plane === null || axes.plane === null
        ? null
        : mapData(picture.plane, picture.unit, mostCells / 4, 'y', 'x', [axes.plane.height, axes.plane.width]),
    indices: [...axes.indices],
    worst: picture.worst.map(({ index, backend, reference, truth }) => [
      index.join(', '),
      value(backend),
      value(reference),
      value(truth),
      exponential(backend - truth),
    ]),
  };
}

/** What each place of `facts` is called; said once for all layers. */
export const FACTS = [
  'shape',
  'relative error ‖B−T‖/‖T‖',
  "rho: times float32's own error",
  "rho when fed the backend's own inputs",
  'rho that passes, that is plausible',
  'effective bits',
  'largest |B−T|',
  'NMSE',
  'cosine distance',
  'equal bit for bit to our float32',
  "our float32's relative error ‖R−T‖/‖T‖",
  'worst part',
  'NaN or infinite where the truth is not',
] as const;

function facts(layer: LayerResult): LayerData['facts'] {
  const { worst, limits } = layer;
  return [
    `(${layer.shape.join(', ')})`,
    exponential(layer.relRms),
    short(layer.rho),
    layer.ownRho === undefined ? 0 : short(layer.ownRho),
    `${short(limits.pass)}, ${short(limits.plausible)}`,
    layer.effectiveBits.toFixed(1),
    exponential(layer.maxAbs),
    exponential(layer.nmse),
    exponential(layer.cosineDistance),
    percent(layer.equalBits),
    exponential(layer.referenceRelRms),
    worst === null ? 0 : `${worst.kind} ${worst.index}, relative error ${exponential(worst.relRms)}`,
    layer.nonFinite === 0 ? 0 : `${layer.nonFinite}`,
  ];
}

function histogram({ backendBits, referenceBits }: LayerPicture): LayerData['histogram'] {
  const most = log2(1 + Math.max(...backendBits, ...referenceBits, 1));
  const bars = (counts: Float64Array): Bars => ({
    counts: [...counts],
    heights: Array.from(counts, (count) => ALPHABET[Math.round(((ALPHABET.length - 1) * log2(1 + count)) / most)]).join(
      '',
    ),
  });
  return { backend: bars(backendBits), reference: bars(referenceBits) };
}

function mapData(
  map: ErrorMap,
  unit: number,
  mostCells: number,
  rowLabel: string,
  columnLabel: string,
  of: [number, number],
): MapData {
  let drawn = map;
  while (drawn.energy.length > mostCells) drawn = coarsen(drawn);
  const bits = Array.from(drawn.energy, (energy, cell) => cellBits(energy / drawn.counts[cell], unit));
  const finite = bits.filter((bit) => !Number.isNaN(bit));
  const [least, most] =
    finite.length === 0
      ? [0, 0]
      : finite.reduce(([low, high], bit) => [Math.min(low, bit), Math.max(high, bit)], [Infinity, -Infinity]);
  const high = Math.min(MOST_BITS, Math.max(most, (least + most + LEAST_SPAN) / 2));
  const low = Math.min(least, high - LEAST_SPAN);
  const letters = bits.map((bit) =>
    Number.isNaN(bit) ? '!' : ALPHABET[Math.round(((bit - low) / (high - low)) * (ALPHABET.length - 1))],
  );
  return {
    rows: drawn.rows,
    columns: drawn.columns,
    low: tenth(low),
    high: tenth(high),
    cells: letters.join(''),
    rowLabel,
    columnLabel,
    of,
  };
}

/** Effective bits of a cell from its mean square error; NaN where a value of it is not finite. */
function cellBits(meanSquare: number, unit: number): number {
  if (meanSquare === Infinity) return NaN;
  if (meanSquare === 0) return MOST_BITS;
  const rho = Math.sqrt(meanSquare) / unit;
  return rho === Infinity ? 0 : Math.min(MOST_BITS, Math.max(0, FULL_BITS - log2(rho)));
}

const tenth = (x: number): number => Math.round(x * 10) / 10;
