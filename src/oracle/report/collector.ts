// What the report shows of a layer, condensed while the layer is in memory: a few kilobytes instead of its tensors.

import type { LayerDetail } from '../types.ts';
import type { Values } from '../../formats/values.ts';
import { axesOf, unravel, type Axes } from './axes.ts';
import { emptyMap, parts, planeParts, type ErrorMap } from './error-map.ts';
import { floorLog2 } from './exponent.ts';

/**
 * Bins of the histogram: bin b counts the elements with b <= bits < b + 1; the first takes what is below, the last what
 * is above or exact.
 */
export const BINS = 31;

/**
 * A float32 significand's bits. An element with the error that float32 itself has in this layer has this many effective
 * bits.
 */
export const FULL_BITS = 24;

const MOST_CELLS = 64;
const MOST_PLANE_CELLS = 28;
const WORST = 10;

export interface WorstElement {
  readonly index: readonly number[];
  readonly backend: number;
  readonly reference: number;
  readonly truth: number;
}

/** A layer's picture. Errors are |B-T|; `unit` is the root mean square of |R-T|, what float32 costs in this layer. */
export interface LayerPicture {
  readonly axes: Axes;
  readonly unit: number;
  /** Elements by effective bits, 24 - log2(|B-T| / unit), of the backend and of our float32. */
  readonly backendBits: Float64Array;
  readonly referenceBits: Float64Array;
  /** Elements of B that are NaN or infinite where T is not; in no bin. */
  readonly nonFinite: number;
  /** Channels against positions, or tokens against width. */
  readonly map: ErrorMap;
  /** The picture's plane, where the layer has one. */
  readonly plane: ErrorMap | null;
  /** Largest error first. */
  readonly worst: readonly WorstElement[];
}

export interface ReportData {
  /** By module path. */
  readonly layers: ReadonlyMap<string, LayerPicture>;
}

export interface ReportCollector {
  /** Give it to `verify` as `onLayer`. Keeps nothing of the tensors. */
  onLayer(detail: LayerDetail): void;
  data(): ReportData;
}

/** Condenses the layers of one verification for `reportHtml`. */
export function reportCollector(): ReportCollector {
  const layers = new Map<string, LayerPicture>();
  return {
    onLayer: (detail) => {
      layers.set(detail.result.name, picture(detail));
    },
    data: () => ({ layers }),
  };
}

/** @throws RangeError if the three tensors differ in size */
export function picture({ result, backend, reference, truth }: LayerDetail): LayerPicture {
  const [B, R, T] = [backend.data, reference.data, truth.data];
  if (B.length !== T.length || R.length !== T.length) {
    throw new RangeError(
      `report: ${result.name} expected three tensors of one size, got ${B.length}, ${R.length} and ${T.length} ` +
        'elements; give them in one layout',
    );
  }
  const axes = axesOf(result.name, truth.shape);
  const unit = unitOf(result.relRms / result.rho, R, T);
  const backendBits = new Float64Array(BINS);
  const referenceBits = new Float64Array(BINS);
  const map = emptyMap(Math.min(axes.rows, MOST_CELLS), Math.min(axes.columns, MOST_CELLS));
  const plane = planeParts(axes, MOST_PLANE_CELLS);
  const [rowPart, columnPart] = [parts(axes.rows, map.rows), parts(axes.columns, map.columns)];
  const inRows = axes.plane?.along === 'rows';
  // One cell more than the map has: the class token's, which is on no place of the picture.
  const inPlane = emptyMap(1, (plane?.map.energy.length ?? 0) + 1);
  const worst = new Worst();
  const squares = new Float64Array(axes.columns);
  let nonFinite = 0;
  let first = 0;
  for (let outer = 0; outer < axes.outer; outer++) {
    for (let row = 0; row < axes.rows; row++) {
      for (let inner = 0; inner < axes.inner; inner++, first += axes.columns) {
        nonFinite += bitsOfRow(B, T, first, unit, backendBits, squares, worst);
        sumInto(map, rowPart[row] * map.columns, columnPart, squares);
        if (plane !== null && inRows) sumWhole(inPlane, plane.part[row], squares);
        else if (plane !== null) sumInto(inPlane, 0, plane.part, squares);
        bitsOfRow(R, T, first, unit, referenceBits, squares, null);
      }
    }
  }
  plane?.map.energy.set(inPlane.energy.subarray(0, -1));
  plane?.map.counts.set(inPlane.counts.subarray(0, -1));
  return {
    axes,
    unit,
    backendBits,
    referenceBits,
    nonFinite,
    map,
    plane: plane?.map ?? null,
    worst: worst.places.map((place) => ({
      index: unravel(place, truth.shape),
      backend: B[place],
      reference: R[place],
      truth: T[place],
    })),
  };
}

/**
 * Counts one row's elements by effective bits and notes their squared errors.
 * @returns how many are NaN or infinite where the truth is not (or a number where it is not); they are in no bin, their
 *   square is Infinity
 */
function bitsOfRow(
  B: Values['data'],
  T: Values['data'],
  first: number,
  unit: number,
  bits: Float64Array,
  squares: Float64Array,
  worst: Worst | null,
): number {
  let nonFinite = 0;
  let least = worst?.least ?? Infinity;
  for (let column = 0; column < squares.length; column++) {
    const b = B[first + column];
    const t = T[first + column];
    let error = Math.abs(b - t);
    if (!(error < Infinity)) error = Object.is(b, t) ? 0 : Infinity; // the same infinity, or NaN in both, is right
    squares[column] = error * error;
    if (error === Infinity) nonFinite++;
    else bits[error === 0 ? BINS - 1 : Math.min(BINS - 1, Math.max(0, FULL_BITS + floorLog2(unit / error)))]++;
    if (worst !== null && error > least) {
      worst.take(first + column, error);
      least = worst.least;
    }
  }
  return nonFinite;
}

/** Each column's squared error into the cell of its part. */
function sumInto({ energy, counts }: ErrorMap, firstCell: number, part: Uint32Array, squares: Float64Array): void {
  for (let column = 0; column < squares.length; column++) {
    energy[firstCell + part[column]] += squares[column];
    counts[firstCell + part[column]]++;
  }
}

/** A whole row into one cell. */
function sumWhole({ energy, counts }: ErrorMap, cell: number, squares: Float64Array): void {
  let sum = 0;
  for (let column = 0; column < squares.length; column++) sum += squares[column];
  energy[cell] += sum;
  counts[cell] += squares.length;
}

/**
 * The root mean square of R-T, at least what one rounding to float32 costs: the layer's relRms / rho, where both say
 * something.
 */
function unitOf(relative: number, R: Values['data'], T: Values['data']): number {
  const known = relative > 0 && relative < Infinity;
  let [truth, difference, count] = [0, 0, 0];
  for (let i = 0; i < T.length; i++) {
    if (!Number.isFinite(T[i])) continue;
    count++;
    truth += T[i] * T[i];
    if (!known && Number.isFinite(R[i])) difference += (R[i] - T[i]) * (R[i] - T[i]);
  }
  if (count === 0) return 0;
  const rms = Math.sqrt(truth / count);
  if (known) return relative * rms;
  return Math.max(Math.sqrt(difference / count), rms / 0x4000000); // 2^-26: about the mean rounding of a float32
}

/** The places with the largest errors, largest first; of equal ones the first. */
class Worst {
  readonly places: number[] = [];
  readonly #errors: number[] = [];
  /** An error must be larger than this to be taken. */
  least = 0;

  take(place: number, error: number): void {
    let at = this.#errors.length;
    while (at > 0 && this.#errors[at - 1] < error) at--;
    this.#errors.splice(at, 0, error);
    this.places.splice(at, 0, place);
    if (this.places.length > WORST) {
      this.#errors.pop();
      this.places.pop();
    }
    if (this.places.length === WORST) this.least = this.#errors[WORST - 1];
  }
}
