// Products that are summed in float16: the error depends on the order of the sum, which is not known. Several usual
// orders are emulated on a sample of the outputs. If one gives the backend's bits, that is it; else the size of the
// error, and numbers that are all float16's, speak for it.

import { roundInto } from '../../ops/round.ts';
import type { Fault, FaultedNode } from './fault.ts';
import type { Match, Search } from './search.ts';

/** Outputs that are looked at. */
const SAMPLES = 192;
/** Running sums side by side, added pairwise at the end, as SIMD loops have them. */
const LANES = [1, 2, 4, 8, 16, 32];
/** Share of equal bits that says that an order was found. */
const SAME = 0.9;
/** Confidence where only the size of the error fits. */
const ALIKE = 0.6;

const FAULT: Fault = {
  name: 'float16-accumulation',
  explanation: 'Products are summed in float16; sum in float32, as tensor cores do, and round once at the end.',
};

/** The operands of sampled dot products. */
interface Operands {
  /** K rows of SAMPLES numbers each. */
  readonly a: readonly Float32Array[];
  readonly b: readonly Float32Array[];
  readonly bias: Float32Array | null;
}

/** null where the target is no product, or its errors are not like that. */
export async function halfAccumulation(search: Search): Promise<Match | null> {
  const { data } = search.values;
  const last = search.piece.nodes.at(-1);
  if (last === undefined || (last.op !== 'conv2d' && last.op !== 'linear') || last.output.size !== data.length)
    return null;
  const count = Math.min(SAMPLES, data.length);
  const places = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * data.length) / count));
  const backend = Float32Array.from(places, (i) => data[i]);
  if (rounded(backend).some((v, i) => v !== backend[i])) return null; // a sum in float16 is a float16
  const truth = Float64Array.from(places, (i) => search.truth[i]);
  const error = rms(backend, truth);
  if (!(error > 1.5 * rms(rounded(Float32Array.from(truth)), truth))) return null; // no more than storing costs
  const found = last.op === 'conv2d' ? await windowsIn(search, places) : await rowsIn(search, places);
  if (found === null) return null;
  const { a, b, bias } = found;
  const operands: Operands = { a: a.map(rounded), b: b.map(rounded), bias: bias === null ? null : rounded(bias) };
  const match = (confidence: number): Match => ({ fault: FAULT, changed: [], confidence, rho: search.rho });
  let alike = false;
  for (const lanes of LANES) {
    for (const fused of [false, true]) {
      const emulated = summedInHalf(operands, lanes, fused);
      if (backend.filter((v, i) => v === emulated[i]).length >= SAME * backend.length) return match(0.99);
      const size = rms(emulated, truth) / error;
      if (size > 0.5 && size < 2) alike = true;
    }
  }
  return alike ? match(ALIKE) : null;
}

function rms(x: ArrayLike<number>, truth: Float64Array): number {
  return Math.sqrt(truth.reduce((sum, t, i) => sum + (x[i] - t) * (x[i] - t), 0) / truth.length);
}

function rounded(x: Float32Array): Float32Array {
  const y = new Float32Array(x.length);
  roundInto(x, y, 'float16');
  return y;
}

/**
 * @param operands in float16
 * @param fused the product is added before it is rounded
 */
function summedInHalf({ a, b, bias }: Operands, lanes: number, fused: boolean): Float32Array {
  const n = a[0].length;
  const half = (x: Float32Array): void => roundInto(x, x, 'float16');
  let sums = Array.from({ length: lanes }, () => new Float32Array(n));
  const product = new Float32Array(n);
  a.forEach((row, k) => {
    const [w, sum] = [b[k], sums[k % lanes]];
    for (let i = 0; i < n; i++) product[i] = row[i] * w[i]; // exact: 11 bits times 11 bits
    if (!fused) half(product);
    for (let i = 0; i < n; i++) sum[i] += product[i];
    half(sum);
  });
  while (sums.length > 1) {
    const upper = sums.slice(sums.length / 2);
    sums = sums.slice(0, sums.length / 2);
    sums.forEach((sum, lane) => {
      for (let i = 0; i < n; i++) sum[i] += upper[lane][i];
      half(sum);
    });
  }
  const [sum] = sums;
  if (bias !== null) {
    for (let i = 0; i < n; i++) sum[i] += bias[i];
    half(sum);
  }
  return sum;
}

async function windowsIn(search: Search, places: readonly number[]): Promise<Operands | null> {
  const node = await search.inputsOf('conv2d');
  return node === null ? null : windowsOf(node, places);
}

async function rowsIn(search: Search, places: readonly number[]): Promise<Operands | null> {
  const node = await search.inputsOf('linear');
  return node === null ? null : rowsAt(node, places);
}

/** x (…,K), weight (O,K): output `place` is row place div O of x times row place mod O of the weight. */
function rowsAt(
  { inputs: [x, weight, bias], arithmetic: { ops } }: FaultedNode<'linear'>,
  places: readonly number[],
): Operands {
  const [O, K] = weight.shape;
  const [from, w] = [ops.contiguous(x), weight];
  const a: Float32Array[] = [];
  const b: Float32Array[] = [];
  for (let k = 0; k < K; k++) {
    a.push(Float32Array.from(places, (place) => from.data[from.offset + Math.floor(place / O) * K + k]));
    b.push(Float32Array.from(places, (place) => w.get(place % O, k)));
  }
  return { a, b, bias: bias === undefined ? null : Float32Array.from(places, (place) => bias.get(place % O)) };
}

/** x (N,C,H,W), weight (O,C,KH,KW): k runs over (c, kh, kw). */
function windowsOf(
  { inputs: [x, weight], attributes, shape }: FaultedNode<'conv2d'>,
  places: readonly number[],
): Operands {
  const [, C, H, W] = x.shape;
  const [O, , KH, KW] = weight.shape;
  const [, , OH, OW] = shape;
  const [[SH, SW], [PH, PW]] = [attributes.stride, attributes.padding];
  const a: Float32Array[] = [];
  const b: Float32Array[] = [];
  for (let c = 0; c < C; c++) {
    for (let kh = 0; kh < KH; kh++) {
      for (let kw = 0; kw < KW; kw++) {
        a.push(
          Float32Array.from(places, (place) => {
            const h = (Math.floor(place / OW) % OH) * SH - PH + kh;
            const w = (place % OW) * SW - PW + kw;
            return h >= 0 && h < H && w >= 0 && w < W ? x.get(Math.floor(place / (O * OH * OW)), c, h, w) : 0;
          }),
        );
        b.push(Float32Array.from(places, (place) => weight.get(Math.floor(place / (OH * OW)) % O, c, kh, kw)));
      }
    }
  }
  return { a, b, bias: null };
}
