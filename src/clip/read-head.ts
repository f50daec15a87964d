// The fc head on top of the feature: (classes, width) and a bias. Reads UniversalFakeDetect's fc_weights.pth ({weight,
// bias}), its trainer's checkpoints ({model: {…, fc.weight, fc.bias}, optimizer, total_steps}), and safetensors with
// either pair of names.

import ndarray from 'ndarray';
import { type Tensor, sizeOf } from '../ops/tensor.ts';
import { isFloat } from '../formats/element-types.ts';
import { assertFinite } from '../formats/finite.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import { readStored, type StoredTensor } from '../formats/stored-tensor.ts';
import { MODELS } from './models.ts';

export interface Head {
  /** (classes, width), float32 whatever the file had. */
  readonly weight: Tensor<Float32Array>;
  /** (classes) */
  readonly bias: Tensor<Float32Array>;
  /**
   * Names of the classes, where the file has them (safetensors metadata `labels`: a JSON list). A head with one output
   * decides between two.
   */
  readonly labels?: readonly string[];
  /**
   * The probability above which a head with one output says yes, if the file has it (safetensors metadata `threshold`).
   */
  readonly threshold?: number;
  /** Trained on features of length 1, and needs such (safetensors metadata `normalized`: "true"). */
  readonly normalized?: boolean;
}

/**
 * The head in an opened file, which it closes.
 * @throws Error in one sentence if it holds no head or more than one, or has NaN in it
 */
export async function readHead(raw: TensorFile, file: string): Promise<Head> {
  try {
    const { weight, bias } = findHead(raw, file);
    const [classes, width] = weight.tensor.shape;
    const read = async ({ name, tensor }: Named): Promise<Float32Array> => {
      const values = new Float32Array(sizeOf(tensor.shape));
      await readStored(tensor, values, 0);
      assertFinite(values, name, file);
      return values;
    };
    const labels = labelsOf(raw, classes, file),
      threshold = thresholdOf(raw, file);
    const head = { weight: ndarray(await read(weight), [classes, width]), bias: ndarray(await read(bias), [classes]) };
    return {
      ...head,
      ...(labels !== null && { labels }),
      ...(threshold !== null && { threshold }),
      ...(raw.metadata.normalized === 'true' && { normalized: true }),
    };
  } finally {
    await raw.close();
  }
}

interface Named {
  readonly name: string;
  readonly tensor: StoredTensor;
}

/** The pair of tensors that make a head, by name. @throws Error that says what was found instead */
export function findHead(raw: TensorFile, where: string): { weight: Named; bias: Named } {
  const names = [...raw.tensors.keys()];
  const pairs = names.filter((name) => name === 'weight' || /(^|\.)fc\.weight$/.test(name));
  if (pairs.length !== 1) {
    const shown = names
      .slice(0, 3)
      .map((name) => `"${name.slice(0, 80)}" (${raw.tensors.get(name)!.shape.join(', ')})`)
      .join(', ');
    throw new Error(
      `"${where}" holds ${pairs.length === 0 ? 'no fc head' : `${pairs.length} heads`}: expected "weight" and ` +
        `"bias", or "fc.weight" and "fc.bias", got ${names.length} ` +
        `tensors${shown === '' ? '' : ` such as ${shown}`}; name the file of one head`,
    );
  }
  const [name] = pairs;
  const biasName = name.replace(/weight$/, 'bias');
  const weight = raw.tensors.get(name)!,
    bias = raw.tensors.get(biasName);
  if (bias === undefined)
    throw new Error(
      `"${where}" has "${name}" but no "${biasName}"; save the head with its bias (zeros, if it has none)`,
    );
  if (weight.shape.length !== 2 || sizeOf(weight.shape) === 0)
    throw new Error(
      `"${where}": "${name}" expected shape (classes, width), got (${weight.shape.join(', ')}); name the file ` +
        'of an fc head',
    );
  if (bias.shape.length !== 1 || bias.shape[0] !== weight.shape[0])
    throw new Error(
      `"${where}": "${biasName}" expected shape (${weight.shape[0]}), got (${bias.shape.join(', ')}); name the ` +
        'file of an fc head',
    );
  for (const tensor of [weight, bias])
    if (!isFloat(tensor.dtype))
      throw new Error(
        `"${where}" expected F32, F16, BF16 or F64, got ${tensor.dtype}; save the head in floating point`,
      );
  return { weight: { name, tensor: weight }, bias: { name: biasName, tensor: bias } };
}

function labelsOf(raw: TensorFile, classes: number, where: string): string[] | null {
  const text = raw.metadata.labels;
  if (text === undefined) return null;
  let labels: unknown;
  try {
    labels = JSON.parse(text);
  } catch {
    labels = null;
  }
  const needed = classes === 1 ? 2 : classes;
  if (!Array.isArray(labels) || labels.length !== needed || labels.some((label) => typeof label !== 'string')) {
    throw new Error(`"${where}": the metadata "labels" expected a JSON list of ${needed} names; fix or remove it`);
  }
  return labels as string[];
}

function thresholdOf(raw: TensorFile, where: string): number | null {
  const text = raw.metadata.threshold;
  if (text === undefined) return null;
  const threshold = Number(text);
  if (text.trim() === '' || !(threshold >= 0 && threshold <= 1))
    throw new Error(
      `"${where}": the metadata "threshold" expected a number from 0 to 1, got "${text.slice(0, 40)}"; fix or ` +
        'remove it',
    );
  return threshold;
}

/** Names of the models whose feature has this width. */
export function fitsModels(width: number): string[] {
  return MODELS.filter((model) => model.embed === width).map((model) => model.name);
}

/** @throws RangeError that says which models the head would fit if its width is not the model's */
export function checkHeadFits(head: Pick<Head, 'weight'>, model: { name: string; embed: number }): void {
  const [classes, width] = head.weight.shape;
  if (width === model.embed) return;
  const fits = fitsModels(width);
  throw new RangeError(
    `head: "weight" expected shape (classes, ${model.embed}) for ${model.name}, got (${classes}, ${width}); ` +
      (fits.length === 0
        ? `no model here has a feature of width ${width}: take another head`
        : `this head fits ${fits.join(', ')}: choose ${fits.length === 1 ? 'that model' : 'one of them'} or ` +
          'another head'),
  );
}
