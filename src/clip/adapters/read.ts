// Reads an adapter in any of the layouts that are known. What it finds is checked against the model: every matrix must
// fit its layer.

import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readError } from '../../formats/errno.ts';
import { isFloat } from '../../formats/element-types.ts';
import { assertFinite } from '../../formats/finite.ts';
import { parseObject } from '../../formats/json.ts';
import { openTensorFile } from '../../formats/open.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { readStored } from '../../formats/stored-tensor.ts';
import { sizeOf } from '../../ops/tensor.ts';
import type { Architecture } from '../models.ts';
import { textOfFile } from '../../formats/text-of-file.ts';
import { clipLoraModules, isClipLora } from './clip-lora.ts';
import type { Adapter, AdapterDescription, AdapterSource, LoraPart, Target } from './lora.ts';
import { isLoralib, loralibModules, loralibParts } from './loralib.ts';
import { peftModules, type Found } from './peft.ts';
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
 * Reads an adapter for a model of this architecture.
 * @throws TypeError, RangeError for options; Error in one sentence if the file cannot be read, is of an unknown kind,
 *   or does not fit the model
 */
export async function readAdapter(source: AdapterSource, architecture: Architecture): Promise<Adapter> {
  const description = described(source);
  const { folder, file } = await place(description.path);
  const raw = await openTensorFile(file);
  try {
    const keys = [...raw.tensors.keys()];
    if (keys.length === 0) throw new Error(`"${file}" holds no tensors; name the file of an adapter`);
    const name = description.name ?? nameOf(description.path);
    const adapter = (layout: string, parts: LoraPart[]): Adapter => ({ name, origin: description.path, layout, parts });
    const config = await configOf(folder);
    if (isClipLora(keys))
      return adapter(
        'CLIP-LoRA',
        await partsOf(raw, clipLoraModules(keys, raw.metadata, architecture, file), architecture),
      );
    if (config !== null && (isPeft(keys) || !isLoralib(keys)))
      return adapter('PEFT', await partsOf(raw, peftModules(keys, config, file, description.peftAsIs), architecture));
    if (isPeft(keys))
      throw new Error(
        `"${file}" is an adapter in PEFT's layout, which needs adapter_config.json (rank and alpha) beside it; ` +
          'copy that file, too',
      );
    if (isLoralib(keys)) return adapter('loralib', await loralibPartsOf(raw, keys, description, architecture));
    const other = OTHERS.find(([pattern]) => keys.some((key) => pattern.test(key)));
    if (other !== undefined)
      throw new Error(
        `"${file}" is an adapter of a kind that cannot be applied, ${other[1]}; convert it to PEFT's LoRA, or ` +
          'merge it and save the whole model',
      );
    throw new Error(
      `"${file}" holds no LoRA adapter: expected PEFT's, CLIP-LoRA's or loralib's names, got ${keys.length} ` +
        `tensors such as "${keys[0].slice(0, 80)}"; name the file of an adapter (weights of a whole model are ` +
        'given as weights)',
    );
  } finally {
    await raw.close();
  }
}

function described(source: AdapterSource): AdapterDescription {
  const description = typeof source === 'string' ? { path: source } : source;
  const { path, name, alpha, enableLora, peftAsIs } = description ?? {};
  if (typeof path !== 'string' || path === '')
    throw new TypeError(
      'load: "adapter" expected a path, { path, name?, alpha?, enableLora? }, or a list of these; name the ' +
        'file or folder of an adapter',
    );
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new TypeError(
      `load: "adapter.name" expected a name that is not empty, got ${typeof name}; leave it out to take the file's`,
    );
  if (alpha !== undefined && !Number.isFinite(alpha))
    throw new RangeError(
      `load: "adapter.alpha" expected a number, got ${String(alpha)}; give lora_alpha as it was in training`,
    );
  if (enableLora !== undefined && (!Array.isArray(enableLora) || enableLora.some((on) => typeof on !== 'boolean')))
    throw new TypeError(
      'load: "adapter.enableLora" expected a list of booleans such as [true, false, true]; give enable_lora as ' +
        'it was in training',
    );
  if (peftAsIs !== undefined && typeof peftAsIs !== 'boolean')
    throw new TypeError(
      `load: "adapter.peftAsIs" expected a boolean, got ${typeof peftAsIs}; give true for outputs as PEFT had them`,
    );
  return description;
}

/** The folder's name, or the file's without its ending; adapter_model.safetensors says nothing, its folder does. */
function nameOf(path: string): string {
  const name = basename(path).replace(/\.(safetensors(\.gz)?|pt|pth|bin)$/, '');
  return name === 'adapter_model' ? basename(dirname(path)) || name : name;
}

const isPeft = (keys: readonly string[]): boolean => keys.some((key) => /\.lora_[AB](\.[^.]+)?\.weight$/.test(key));

async function place(path: string): Promise<{ folder: string; file: string }> {
  const isFile = await stat(path).then(
    (stats) => !stats.isDirectory(),
    (error: unknown) => {
      throw readError(path, error);
    },
  );
  if (isFile) return { folder: dirname(path), file: path };
  for (const name of ['adapter_model.safetensors', 'adapter_model.bin']) {
    const file = join(path, name);
    if (
      await stat(file).then(
        () => true,
        () => false,
      )
    )
      return { folder: path, file };
  }
  throw new Error(
    `"${path}" expected a folder with adapter_model.safetensors, got none; name the folder of a PEFT adapter, ` +
      'or the file of another one',
  );
}

async function configOf(folder: string): Promise<Record<string, unknown> | null> {
  const path = join(folder, 'adapter_config.json');
  const text = await textOfFile(path).catch((error: Error) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : parseObject(text, `"${path}"`);
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
      `"${raw.origin}" adapts "${module.slice(0, 120)}", which is no linear layer of CLIP's (q_proj, k_proj, ` +
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
  { alpha, enableLora }: AdapterDescription,
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
