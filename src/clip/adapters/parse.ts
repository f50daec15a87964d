// An open adapter and an architecture to changes of the model's parameters, in any of the three layouts. Every matrix
// is checked against the layer that it changes. Portable: pages open adapters in their own way.

import { isFloat } from '../../formats/element-types.ts';
import { assertFinite } from '../../formats/finite.ts';
import { readStored } from '../../formats/stored-tensor.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { sizeOf } from '../../ops/tensor.ts';
import type { Architecture } from '../architecture.ts';
import type { AdapterFile, AdapterHints } from './adapter-file.ts';
import { clipLoraModules, isClipLora } from './clip-lora.ts';
import type { Adapter, LoraPart, Target } from './lora.ts';
import { isLoralib, loralibModules, loralibParts } from './loralib.ts';
import { isPeft, peftModules, peftWarning, type Found } from './peft.ts';
import { targetOf } from './targets.ts';

/** Other kinds of adapters, by what their keys have in them. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/lora_(down|up)\.weight$/, "kohya's (lora_down, lora_up)"],
  [/\.(hada_|lokr_)/, 'LoHa or LoKr (LyCORIS)'],
  [/\.ia3_l/, '(IA)³'],
  [
    /\.(oft_|boft_|vera_|prompt_embeddings|lora_magnitude_vector|lora_embedding_)/,
    'another kind than LoRA on linear layers',
  ],
];

/**
 * Reads an adapter's matrices for a model of this architecture.
 * @param file stays open
 * @param warn is called with one sentence where its own program would compute something else
 * @throws Error in one sentence if it is of an unknown kind, damaged, or does not fit the model
 */
export async function parseAdapter(
  file: AdapterFile,
  architecture: Architecture,
  warn: (message: string) => void = () => undefined,
): Promise<Adapter> {
  const { name, origin, tensors: raw, config, hints } = file;
  const where = raw.origin;
  const keys = [...raw.tensors.keys()];
  if (keys.length === 0) throw new Error(`"${where}" holds no tensors; name the file of an adapter`);
  const adapter = (layout: string, parts: LoraPart[]): Adapter => ({ name, origin, layout, parts });
  if (isClipLora(keys))
    return adapter(
      'CLIP-LoRA',
      await partsOf(raw, clipLoraModules(keys, raw.metadata, architecture, where), architecture),
    );
  if (config !== null && (isPeft(keys) || !isLoralib(keys))) {
    const parts = await partsOf(raw, peftModules(keys, config, where, hints.peftAsIs), architecture);
    const warning = peftWarning(keys, where, hints.peftAsIs);
    if (warning !== null) warn(warning);
    return adapter('PEFT', parts);
  }
  if (isPeft(keys))
    throw new Error(
      `"${where}" is an adapter in PEFT's layout, which needs adapter_config.json (rank and alpha) beside it; ` +
        'copy that file, too',
    );
  if (isLoralib(keys)) return adapter('loralib', await loralibPartsOf(raw, keys, hints, architecture));
  const other = OTHERS.find(([pattern]) => keys.some((key) => pattern.test(key)));
  if (other !== undefined)
    throw new Error(
      `"${where}" is an adapter of a kind that cannot be applied, ${other[1]}; convert it to PEFT's LoRA, or ` +
        'merge it and save the whole model',
    );
  throw new Error(
    `"${where}" holds no LoRA adapter: expected PEFT's, CLIP-LoRA's or loralib's names, got ${keys.length} ` +
      `tensors such as "${keys[0].slice(0, 80)}"; name the file of an adapter (weights of a whole model are ` +
      'given as weights)',
  );
}

interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

async function matrixOf(raw: TensorFile, key: string): Promise<Matrix> {
  const tensor = raw.tensors.get(key);
  if (tensor === undefined)
    throw new Error(
      `"${raw.origin}" lacks "${key.slice(0, 120)}", the other half of a pair; the file is incomplete: copy or ` +
        'save it again',
    );
  if (tensor.shape.length !== 2 || sizeOf(tensor.shape) === 0)
    throw new Error(
      `"${raw.origin}": "${key.slice(0, 120)}" expected a matrix, got shape (${tensor.shape.join(', ')}); only ` +
        'adapters of linear layers can be applied',
    );
  if (!isFloat(tensor.dtype))
    throw new Error(
      `"${raw.origin}": "${key.slice(0, 120)}" expected F32, F16, BF16 or F64, got ${tensor.dtype}; save the ` +
        'adapter in floating point',
    );
  const values = new Float32Array(sizeOf(tensor.shape));
  await readStored(tensor, values, 0);
  assertFinite(values, key, raw.origin);
  return { values, rows: tensor.shape[0], columns: tensor.shape[1] };
}

function targetIn(raw: TensorFile, module: string, architecture: Architecture): Target {
  let target: Target | null;
  try {
    target = targetOf(module, architecture);
  } catch (error) {
    throw new Error(`"${raw.origin}" ${(error as Error).message}`, { cause: error });
  }
  if (target === null)
    throw new Error(
      `"${raw.origin}" adapts "${module.slice(0, 120)}", which is not a linear layer of CLIP (q_proj, k_proj, ` +
        `v_proj, out_proj, fc1, fc2 and their like in OpenAI's names); take an adapter of CLIP, or merge it and ` +
        'save the whole model',
    );
  return target;
}

function checkPairs(raw: TensorFile, pairs: number): void {
  if (2 * pairs !== raw.tensors.size)
    throw new Error(
      `"${raw.origin}" expected pairs of A and B, got ${raw.tensors.size} tensors of which ${pairs} are A; the ` +
        'file is incomplete: copy or save it again',
    );
}

const wrong = (raw: TensorFile, key: string, expected: string, got: Matrix): Error =>
  new Error(
    `"${raw.origin}": "${key.slice(0, 120)}" expected shape ${expected} for this model, got (${got.rows}, ` +
      `${got.columns}); take an adapter of this model`,
  );

/** Pairs A (r, inputs) and B (count, r). */
async function partsOf(raw: TensorFile, modules: readonly Found[], architecture: Architecture): Promise<LoraPart[]> {
  checkPairs(raw, modules.length);
  const parts: LoraPart[] = [];
  for (const { module, A, B, scale } of modules) {
    const target = targetIn(raw, module, architecture);
    const [a, b] = [await matrixOf(raw, A), await matrixOf(raw, B)];
    if (a.columns !== target.inputs) throw wrong(raw, A, `(r, ${target.inputs})`, a);
    if (b.rows !== target.count || b.columns !== a.rows) throw wrong(raw, B, `(${target.count}, r=${a.rows})`, b);
    parts.push({ target, rank: a.rows, A: a.values, B: b.values, scale: scale(a.rows) });
  }
  return parts;
}

async function loralibPartsOf(
  raw: TensorFile,
  keys: readonly string[],
  { alpha, enableLora }: AdapterHints,
  architecture: Architecture,
): Promise<LoraPart[]> {
  if (alpha === undefined)
    throw new Error(
      `"${raw.origin}" is an adapter in loralib's layout, which does not hold its lora_alpha; give it as alpha ` +
        '(--adapter-alpha), as it was in training',
    );
  const modules = loralibModules(keys, raw.origin);
  checkPairs(raw, modules.length);
  const parts: LoraPart[] = [];
  for (const { module, A, B } of modules) {
    const target = targetIn(raw, module, architecture);
    const [a, b] = [await matrixOf(raw, A), await matrixOf(raw, B)];
    if (a.columns !== target.inputs) throw wrong(raw, A, `(r, ${target.inputs})`, a);
    if (a.rows % b.columns !== 0) throw wrong(raw, B, `(${target.count}, r=${a.rows})`, b);
    parts.push(
      ...loralibParts(
        target,
        a,
        { values: b.values, rows: b.rows, rank: b.columns },
        alpha,
        enableLora,
        `"${raw.origin}": "${module.slice(0, 120)}"`,
      ),
    );
  }
  return parts;
}
