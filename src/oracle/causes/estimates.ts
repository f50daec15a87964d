// Faults with a number in them that the backend's own values tell: another mean and std, another eps, a factor.

import type { Statistics } from './faults/image.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { Change, Fault } from './fault.ts';
import type { Search } from './search.ts';
import { dense, mapped, mappedByChannel } from './tensors.ts';

/** Elements that an estimate looks at. */
const SAMPLES = 20_000;

export async function estimatedFaults(search: Search, statistics: Statistics): Promise<Fault[]> {
  const found = [
    await otherMeanAndStd(search, statistics),
    await otherEps(search, 'layerNorm'),
    await otherEps(search, 'batchNorm2d'),
    factor(search),
  ];
  return found.filter((fault) => fault !== null);
}

/** Three digits that matter. */
const digits = (x: number): string => Number(x.toPrecision(4)).toString();

/**
 * The first convolution is linear: its output is a sum of six parts, each channel's own and that of a constant in each
 * channel. Least squares say how much of each is in the backend's output, and these weights say which mean and std the
 * image was normalised with.
 */
async function otherMeanAndStd(search: Search, { mean: modelMean, std: modelStd }: Statistics): Promise<Fault | null> {
  if (search.target !== 'visual.conv1') return null;
  const step = await search.inputsOf('conv2d');
  if (step === null) return null;
  const [x, weight] = step.inputs;
  const { data } = search.values;
  const stepSize = Math.max(1, Math.floor(data.length / SAMPLES));
  const samples = (y: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: Math.floor(data.length / stepSize) }, (_, i) => y[i * stepSize]);
  const parts: Float64Array[] = [];
  for (const part of [0, 1, 2, 3, 4, 5]) {
    const only = mappedByChannel(x, (v, c) => (c !== part % 3 ? 0 : part < 3 ? v : 1));
    parts.push(samples((await step.run({ inputs: [only, weight] })).data));
  }
  const solved = leastSquares(parts, samples(data));
  if (solved === null) return null;
  const a = solved.slice(0, 3);
  const b = solved.slice(3);
  if (a.some((v) => !(v > 1e-6))) return null;
  const std = a.map((v, c) => modelStd[c] / v);
  const mean = b.map((v, c) => modelMean[c] - v * std[c]);
  return {
    name: 'other-mean-std',
    explanation:
      `The image is normalised with mean (${mean.map(digits).join(', ')}) and std ` +
      `(${std.map(digits).join(', ')}), if its pixels are from 0 to 1; take this model's, (${modelMean.join(', ')}) and (${modelStd.join(', ')}).`,
    image: (image) => mappedByChannel(image, (v, c) => a[c] * v + b[c]),
  };
}

/** x that makes |Σ x[j]·columns[j] - y| smallest, by the normal equations; null if they have no one solution. */
function leastSquares(columns: readonly Float64Array[], y: Float64Array): number[] | null {
  const n = columns.length;
  const dot = (p: Float64Array, q: Float64Array): number => p.reduce((sum, v, i) => sum + v * q[i], 0);
  const rows = columns.map((p) => [...columns.map((q) => dot(p, q)), dot(p, y)]);
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]) > Math.abs(rows[best][k]) ? i + k : best), k);
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    if (!(Math.abs(rows[k][k]) > 0)) return null;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const f = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= f * rows[k][j];
    }
  }
  return rows.map((row, i) => row[n] / row[i]);
}

/**
 * eps from how strongly each row (or channel) was divided. Those with little variance say it best: their errors grow
 * with it.
 */
async function otherEps(search: Search, op: 'layerNorm' | 'batchNorm2d'): Promise<Fault | null> {
  const step = await search.inputsOf(op);
  if (step === null || step.inputs[0].size !== search.values.data.length) return null;
  const [x, ...parameters] = step.inputs.map((input) => dense(input).data);
  const { shape } = step.inputs[0];
  const said =
    op === 'layerNorm'
      ? epsOfRows(x, parameters, shape, search.values.data)
      : epsOfChannels(x, parameters, shape, search.values.data);
  let sum = 0,
    weights = 0;
  for (const { eps: v, divisor } of said) {
    const weight = 1 / (divisor * divisor);
    if (!Number.isFinite(v * weight)) continue;
    sum += v * weight;
    weights += weight;
  }
  const eps = sum / weights;
  if (!(eps > 0)) return null;
  const change: Change<'layerNorm' | 'batchNorm2d'> = (s) => s.run({ attributes: { eps } });
  const norm = op === 'layerNorm' ? 'LayerNorm' : 'BatchNorm';
  return {
    name: `${norm.toLowerCase()}-eps`,
    explanation: `${norm}'s eps is about ${digits(eps)}; it is 1e-5 in CLIP.`,
    steps: { [op]: change },
  };
}

type Numbers = ArrayLike<number>;

/** What a row says eps is, and variance + eps. */
interface Said {
  eps: number;
  divisor: number;
}

function epsOfRows(x: Numbers, [weight, bias]: readonly Numbers[], shape: readonly number[], y: Numbers): Said[] {
  const D = shape[shape.length - 1];
  const said: Said[] = [];
  for (let row = 0; row < x.length; row += D) {
    let sum = 0,
      squares = 0,
      yz = 0,
      zz = 0;
    for (let i = 0; i < D; i++) sum += x[row + i];
    const mean = sum / D;
    for (let i = 0; i < D; i++) {
      const d = x[row + i] - mean;
      const z = d * weight[i];
      squares += d * d;
      yz += (y[row + i] - bias[i]) * z;
      zz += z * z;
    }
    const divisor = (zz / yz) * (zz / yz);
    said.push({ eps: divisor - squares / D, divisor });
  }
  return said;
}

function epsOfChannels(
  x: Numbers,
  [weight, bias, mean, variance]: readonly Numbers[],
  shape: readonly number[],
  y: Numbers,
): Said[] {
  const [N, C] = shape;
  const plane = x.length / (N * C);
  const yz = new Float64Array(C);
  const zz = new Float64Array(C);
  for (let i = 0; i < x.length; i++) {
    const c = Math.floor(i / plane) % C;
    const z = (x[i] - mean[c]) * weight[c];
    yz[c] += (y[i] - bias[c]) * z;
    zz[c] += z * z;
  }
  return [...yz.keys()].map((c) => {
    const divisor = (zz[c] / yz[c]) * (zz[c] / yz[c]);
    return { eps: divisor - variance[c], divisor };
  });
}

/** All of the output times one number. */
function factor({ values: { data }, truth, target }: Search): Fault | null {
  let bt = 0,
    tt = 0;
  for (let i = 0; i < truth.length; i++) {
    bt += data[i] * truth[i];
    tt += truth[i] * truth[i];
  }
  const by = bt / tt;
  if (!Number.isFinite(by) || Math.abs(by - 1) < 1e-4) return null;
  const scaled = (y: Tensor): Tensor => mapped(y, (v) => by * v);
  return {
    name: 'constant-factor',
    explanation:
      `${target} is ${digits(by)} times what it should be, everywhere; look for a scale that is applied twice or ` +
      'left out.',
    output: scaled,
  };
}
