// The head on top of the feature: (classes, width) and a bias. Reads UniversalFakeDetect's fc_weights.pth ({weight,
// bias}), its trainer's checkpoints ({model: {…, fc.weight, fc.bias}, optimizer, total_steps}), linear layers under the
// names that people give them, LAION's aesthetic MLP, and safetensors with any of these names.

import ndarray from 'ndarray';
import { type Tensor, sizeOf } from '../ops/tensor.ts';
import { isFloat } from '../formats/element-types.ts';
import { assertFinite } from '../formats/finite.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import { readStored, type StoredTensor } from '../formats/stored-tensor.ts';
import { MODELS } from './models.ts';

/** A linear layer, float32 whatever the file had. */
export interface LinearLayer {
  /** (outputs, inputs) */
  readonly weight: Tensor<Float32Array>;
  /** (outputs); zeros where the file has none. */
  readonly bias: Tensor<Float32Array>;
}

export interface Head extends LinearLayer {
  /** Linear layers between the feature and `weight`, in their order, without activations: LAION's aesthetic MLP. */
  readonly hidden?: readonly LinearLayer[];
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
    const { layers, normalized } = findHead(raw, file);
    const values = async ({ name, tensor }: Named): Promise<Float32Array> => {
      const data = new Float32Array(sizeOf(tensor.shape));
      await readStored(tensor, data, 0);
      assertFinite(data, name, file);
      return data;
    };
    const read: LinearLayer[] = [];
    for (const { weight, bias } of layers) {
      const [outputs, inputs] = weight.tensor.shape;
      read.push({
        weight: ndarray(await values(weight), [outputs, inputs]),
        bias: ndarray(bias === null ? new Float32Array(outputs) : await values(bias), [outputs]),
      });
    }
    const last = read.pop()!;
    const labels = labelsOf(raw, last.weight.shape[0], file),
      threshold = thresholdOf(raw, file);
    return {
      ...last,
      ...(read.length > 0 && { hidden: read }),
      ...(labels !== null && { labels }),
      ...(threshold !== null && { threshold }),
      ...((normalized || raw.metadata.normalized === 'true') && { normalized: true }),
    };
  } finally {
    await raw.close();
  }
}

interface Named {
  readonly name: string;
  readonly tensor: StoredTensor;
}

interface NamedLayer {
  readonly weight: Named;
  /** null where the layer has none. */
  readonly bias: Named | null;
}

export interface FoundHead {
  /** In the order in which they are computed. */
  readonly layers: readonly NamedLayer[];
  /** Whether it is known to be trained on features of length 1. */
  readonly normalized: boolean;
}

/** What wrappers put before the names of their parts. */
const WRAPPERS = /^(?:(?:module|model|state_dict)\.)*/;
/** A head alone in its file: its own name, or that of an attribute or a place in an nn.Sequential. */
const ALONE = /^(?:(?:fc|classifier|linear|head|0)\.)?weight$/;

/**
 * LAION's improved-aesthetic-predictor: Linear layers and dropout in an nn.Sequential called `layers`, no activations,
 * on features of length 1 (github.com/christophschuhmann/improved-aesthetic-predictor, simple_inference.py).
 */
const AESTHETIC = [
  ['layers.0', 1024],
  ['layers.2', 128],
  ['layers.4', 64],
  ['layers.6', 16],
  ['layers.7', 1],
] as const;

/** The tensors that make a head, by name. @throws Error that says what was found instead */
export function findHead(raw: TensorFile, where: string): FoundHead {
  const names = [...raw.tensors.keys()];
  const short = new Map(names.map((name) => [name.replace(WRAPPERS, ''), name]));
  if (
    AESTHETIC.every(([layer, outputs]) => raw.tensors.get(short.get(`${layer}.weight`) ?? '')?.shape[0] === outputs)
  ) {
    const layers = AESTHETIC.map(([layer]) => layerAt(raw, short.get(`${layer}.weight`)!, where));
    layers.slice(1).forEach(({ weight: { name, tensor } }, i) => {
      const inputs = layers[i].weight.tensor.shape[0];
      if (tensor.shape[1] !== inputs)
        throw new Error(
          `"${where}": "${name}" expected shape (${tensor.shape[0]}, ${inputs}), got (${tensor.shape.join(', ')}); ` +
            "it is not LAION's aesthetic MLP, whose names it has",
        );
    });
    return { layers, normalized: true };
  }
  const heads = names.filter((name) => ALONE.test(name.replace(WRAPPERS, '')) || /\.fc\.weight$/.test(name));
  if (heads.length !== 1) throw new Error(notOne(raw, heads, where));
  const [name] = heads;
  // `fc` is UniversalFakeDetect's, whose trainer saves the encoder beside it. What else lies beside a classifier of
  // another name may be computed before it.
  const others = names.filter((other) => other !== name && other !== name.replace(/weight$/, 'bias'));
  if (others.length > 0 && !/^(fc\.)?weight$|\.fc\.weight$/.test(name.replace(WRAPPERS, '')))
    throw new Error(
      `"${where}" has "${name}" and ${others.length} more tensors such as ${quoted(others.slice(0, 3))}, which may be ` +
        'layers before it or after it; save the linear layer alone if it takes the feature itself',
    );
  return { layers: [layerAt(raw, heads[0], where)], normalized: false };
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name.slice(0, 80)}"`).join(', ');

function notOne(raw: TensorFile, heads: readonly string[], where: string): string {
  const names = [...raw.tensors.keys()];
  const numbered = names.filter((name) => /(^|\.)\d+\.weight$/.test(name) && raw.tensors.get(name)!.shape.length === 2);
  if (heads.length === 0 && numbered.length > 1 && numbered.length * 2 >= names.length)
    return severalLayers(numbered, where);
  if (heads.length > 1)
    return `"${where}" holds ${heads.length} heads: ${quoted(heads)}; save the one that is wanted in a file of its own`;
  const shown = names
    .slice(0, 3)
    .map((name) => `"${name.slice(0, 80)}" (${raw.tensors.get(name)!.shape.join(', ')})`)
    .join(', ');
  return (
    `"${where}" holds no fc head: expected "weight" and "bias", alone or after "fc.", "classifier.", "linear.", "head." ` +
    `or "0.", or LAION's aesthetic MLP, got ${names.length} tensors${shown === '' ? '' : ` such as ${shown}`}; name ` +
    'the file of one head'
  );
}

const severalLayers = (names: readonly string[], where: string): string =>
  `"${where}" holds ${names.length} layers, ${quoted(names.slice(0, 4))}, and no file says which activations are between ` +
  "them: only a single linear layer and LAION's aesthetic MLP can be computed";

/** @throws Error for another shape or type than a linear layer has */
function layerAt(raw: TensorFile, name: string, where: string): NamedLayer {
  const biasName = name.replace(/weight$/, 'bias');
  const weight = raw.tensors.get(name)!,
    bias = raw.tensors.get(biasName) ?? null;
  if (weight.shape.length !== 2 || sizeOf(weight.shape) === 0)
    throw new Error(
      `"${where}": "${name}" expected shape (classes, width), got (${weight.shape.join(', ')}); name the file ` +
        'of an fc head',
    );
  if (bias !== null && (bias.shape.length !== 1 || bias.shape[0] !== weight.shape[0]))
    throw new Error(
      `"${where}": "${biasName}" expected shape (${weight.shape[0]}), got (${bias.shape.join(', ')}); name the ` +
        'file of an fc head',
    );
  for (const tensor of bias === null ? [weight] : [weight, bias])
    if (!isFloat(tensor.dtype))
      throw new Error(
        `"${where}" expected F32, F16, BF16 or F64, got ${tensor.dtype}; save the head in floating point`,
      );
  return { weight: { name, tensor: weight }, bias: bias === null ? null : { name: biasName, tensor: bias } };
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

/** E, the width of the features that a head takes. */
export const headWidth = ({ weight, hidden = [] }: Pick<Head, 'weight' | 'hidden'>): number =>
  (hidden[0]?.weight ?? weight).shape[1];

/** @throws RangeError that says which models the head would fit if its width is not the model's */
export function checkHeadFits(head: Pick<Head, 'weight' | 'hidden'>, model: { name: string; embed: number }): void {
  const width = headWidth(head);
  if (width === model.embed) return;
  const [outputs] = (head.hidden?.[0].weight ?? head.weight).shape;
  const fits = fitsModels(width);
  throw new RangeError(
    `head: "weight" expected shape (${head.hidden ? outputs : 'classes'}, ${model.embed}) for ${model.name}, got ` +
      `(${outputs}, ${width}); ` +
      (fits.length === 0
        ? `no model here has a feature of width ${width}: take another head`
        : `this head fits ${fits.join(', ')}: choose ${fits.length === 1 ? 'that model' : 'one of them'} or ` +
          'another head'),
  );
}
