// `synthetic:SEED`: parameters as a function of (seed, name, shape) that any language reproduces bit for bit, so that
// every model can be built without a download. Words come from Threefry with key (seed, CRC-32 of the name); the fan-in
// of each parameter sets its amplitude, so that activations keep a sane size through the whole network.

import ndarray from 'ndarray';
import { type Tensor, sizeOf } from '../../ops/tensor.ts';
import type { Architecture } from '../architecture.ts';
import { MODELS } from '../models.ts';
import { parameterShapes } from '../parameters.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { TensorInfo } from '../../formats/element-types.ts';
import { crc32 } from '../../formats/crc32.ts';
import { fillWords } from '../../ops/threefry.ts';

/** The shapes, which `synthetic:SEED` does not have: one of the two. */
export interface SyntheticOptions {
  /** The model's name. */
  readonly model?: string;
  readonly architecture?: Architecture;
}

/**
 * Center and amplitude of a parameter, by the first rule that fits; both already rounded to float32 where the
 * definition rounds.
 */
export function distribution(name: string, shape: readonly number[]): { center: number; amplitude: number } {
  const leaf = name.slice(name.lastIndexOf('.') + 1);
  const rule = (center: number, amplitude: number): { center: number; amplitude: number } => ({
    center,
    amplitude: Math.fround(amplitude),
  });
  if (name === 'logit_scale') return rule(2.6592600369327783, 0);
  if (leaf === 'running_mean') return rule(0, 0.1);
  if (leaf === 'running_var') return rule(1, 0.5);
  if (leaf === 'bias' || leaf === 'in_proj_bias') return rule(0, 0.1);
  if (/\.layer\d+\.\d+\.bn3\.weight$/.test(name)) return rule(0.25, 0.125);
  if (leaf === 'weight' && shape.length === 1) return rule(1, 0.25);
  if (leaf === 'positional_embedding' || leaf === 'class_embedding' || name === 'token_embedding.weight')
    return rule(0, Math.sqrt(3 / shape[shape.length - 1]));
  if (leaf === 'proj' || leaf === 'text_projection') return rule(0, Math.sqrt(3 / shape[0]));
  if (leaf === 'weight' && shape.length === 4 && shape[1] !== 3)
    return rule(0, Math.sqrt(6 / (shape[1] * shape[2] * shape[3])));
  return rule(0, Math.sqrt(3 / sizeOf(shape.slice(1))));
}

const WORDS = 1024;

/** Fills `into` with the parameter `name` of the given shape, in row-major order. */
export function fillSynthetic(seed: number, name: string, shape: readonly number[], into: Float32Array): void {
  const { center, amplitude } = distribution(name, shape);
  fill(seed, name, center, amplitude, into);
}

/**
 * x[i] = fround(center + fround(v[i] · amplitude)), v in [-1, 1): blocks of 4 KB of words, so that they stay in the
 * first-level cache.
 */
function fill(seed: number, name: string, center: number, amplitude: number, into: Float32Array): void {
  const key = crc32(new TextEncoder().encode(name));
  const words = new Int32Array(WORDS);
  for (let start = 0; start < into.length; start += WORDS) {
    const count = Math.min(WORDS, into.length - start);
    fillWords(words, count, seed, key, start / 2);
    for (let i = 0; i < count; i++) {
      // 2^-23 = 1.1920928955078125e-7; the product with it is exact
      into[start + i] = center + Math.fround(((words[i] >>> 8) - 8388608) * 1.1920928955078125e-7 * amplitude);
    }
  }
}

/** The seed of `synthetic:SEED`, reduced modulo 2^32. @throws RangeError if it is not a whole number */
export function parseSeed(source: string): number {
  const digits = /^synthetic:(\d{1,40})$/.exec(source);
  if (digits === null)
    throw new RangeError(
      `"${source}" expected synthetic:SEED with a whole number such as synthetic:0; correct the seed`,
    );
  return Number(BigInt.asUintN(32, BigInt(digits[1])));
}

/** Weights made on demand. @throws RangeError if neither a known `model` nor an `architecture` is given */
export function openSynthetic(source: string, options: SyntheticOptions): Checkpoint {
  const seed = parseSeed(source);
  const architecture: Architecture | undefined =
    options.architecture ?? MODELS.find((model) => model.name === options.model);
  if (architecture === undefined) {
    throw new RangeError(
      `"${source}" has no shapes of its own: expected the name of a model, got ` +
        `${options.model === undefined ? 'none' : JSON.stringify(options.model)}; name one of ` +
        `${MODELS.map((model) => model.name).join(', ')}`,
    );
  }
  const tensors = new Map<string, TensorInfo>(
    [...parameterShapes(architecture)].map(([name, { shape }]) => [name, { dtype: 'F32', shape }]),
  );
  let isOpen = true;
  return {
    origin: source,
    format: 'synthetic',
    layout: 'OpenAI',
    metadata: {},
    tensors,
    read(name, into) {
      if (!isOpen) return Promise.reject(new Error(`"${source}" is closed: open the checkpoint again to read from it`));
      const info = tensors.get(name);
      if (info === undefined)
        return Promise.reject(new RangeError(`"${source}" has no tensor "${name}"; its names are in "tensors"`));
      if (into.length !== sizeOf(info.shape)) {
        return Promise.reject(
          new RangeError(
            `read("${name}"): "into" expected ${sizeOf(info.shape)} elements for ` +
              `(${info.shape.join(', ')}), got ${into.length}`,
          ),
        );
      }
      fillSynthetic(seed, name, info.shape, into);
      return Promise.resolve();
    },
    close() {
      isOpen = false;
      return Promise.resolve();
    },
  };
}

/** The synthetic input image (N, 3, R, R): x = 2·v under the name `image`. */
export function syntheticImage(seed: number, n: number, resolution: number): Tensor<Float32Array> {
  const data = new Float32Array(n * 3 * resolution * resolution);
  fill(seed, 'image', 0, 2, data);
  return ndarray(data, [n, 3, resolution, resolution]);
}
