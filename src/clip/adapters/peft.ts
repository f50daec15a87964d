// PEFT's layout: adapter_config.json beside adapter_model.safetensors. Facts: https://huggingface.co/docs/peft
// (developer guide, checkpoint format; LoraConfig). Keys: base_model.model.MODULE.lora_A.weight (r, in) and
// …lora_B.weight (out, r); in nn.MultiheadAttention MODULE.lora_A.weight is in_proj's, with one rank for q, k and v,
// and MODULE.base_layer.out_proj.lora_A.weight is out_proj's.

import { isObject } from '../../formats/json.ts';

export const isPeft = (keys: readonly string[]): boolean =>
  keys.some((key) => /\.lora_[AB](\.[^.]+)?\.weight$/.test(key));

/** One adapted module, as a reader of a layout finds it. */
export interface Found {
  readonly module: string;
  readonly A: string;
  readonly B: string;
  /** The scale for a rank. */
  scale(rank: number): number;
}

/** Initialisations that change the base weights too, so that B · A is not the whole difference. */
const CHANGES_BASE = /^(pissa|olora|corda|loftq)/i;

/** Other values than these mean arithmetic that is not LoRA's. */
const PLAIN: readonly (readonly [key: string, plain: readonly unknown[], what: string])[] = [
  ['use_dora', [false], 'DoRA (weight-decomposed adapters)'],
  ['bias', ['none'], 'trained biases'],
  ['lora_bias', [false], 'biases of lora_B'],
  ['modules_to_save', [[]], 'whole modules that were trained beside the adapters'],
  ['fan_in_fan_out', [false], 'layers with transposed weights'],
  ['use_qalora', [false], 'QALoRA'],
  ['alora_invocation_tokens', [[]], 'activated LoRA'],
  ['layer_replication', [[]], 'replicated layers'],
  ['trainable_token_indices', [[]], 'trained tokens'],
  ['arrow_config', [], 'Arrow routing'],
  ['corda_config', [], 'CorDA'],
];

/**
 * @param keys the file's tensors
 * @param config adapter_config.json
 * @param where the file, for messages
 * @param asIs count out_proj's change in nn.MultiheadAttention twice, as PEFT does
 * @throws Error for anything that is not plain LoRA on linear layers
 */
export function peftModules(
  keys: readonly string[],
  config: Record<string, unknown>,
  where: string,
  asIs = false,
): Found[] {
  const refuse = (what: string): Error =>
    new Error(
      `"${where}" is an adapter with ${what}, which cannot be applied; only plain LoRA on linear layers can: ` +
        'merge it with PEFT (merge_and_unload) and save the whole model',
    );
  const type = config.peft_type ?? 'LORA';
  if (type !== 'LORA')
    throw new Error(
      `"${where}" is an adapter of the kind ${JSON.stringify(type).slice(0, 60)}, expected "LORA"; merge it ` +
        'with PEFT (merge_and_unload) and save the whole model',
    );
  for (const [key, plain, what] of PLAIN) {
    const value = config[key];
    if (
      value !== undefined &&
      value !== null &&
      !plain.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))
    )
      throw refuse(`${what} ("${key}": ${JSON.stringify(value).slice(0, 60)})`);
  }
  if (keys.some((key) => key.includes('.lora_magnitude_vector'))) throw refuse('DoRA (weight-decomposed adapters)');
  const initial = config.init_lora_weights;
  if (typeof initial === 'string' && CHANGES_BASE.test(initial)) {
    throw new Error(
      `"${where}" was initialised by ${JSON.stringify(initial.slice(0, 40))}, which changes the base weights ` +
        `too; save it as plain LoRA with PEFT's path_initial_model_for_weight_conversion`,
    );
  }
  const scaleOf = scales(config, where);
  const found: Found[] = [];
  for (const key of keys) {
    // Saved without PEFT, keys still carry the adapter's name: lora_A.default.weight.
    const match = /^(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/.exec(key);
    if (match === null) throw refuse(`"${key.slice(0, 120)}"`);
    if (match[2] !== 'A') continue;
    // Patterns speak of the attention, which out_proj is a part of.
    const scale = scaleOf(match[1].replace(/\.base_layer\..*$/, ''));
    const times = asIs && match[1].endsWith('.base_layer.out_proj') ? 2 : 1;
    found.push({
      module: match[1].replaceAll('.base_layer', ''),
      A: key,
      B: key.replace(/\.lora_A((?:\.[^.]+)?\.weight)$/, '.lora_B$1'),
      scale: (rank) => times * scale(rank),
    });
  }
  return found;
}

/**
 * What to say of an adapter that PEFT and this program count differently, or null.
 * @param asIs what the caller said; undefined: nothing
 */
export function peftWarning(keys: readonly string[], where: string, asIs: boolean | undefined): string | null {
  if (asIs !== undefined || !keys.some((key) => /\.base_layer\.out_proj\.lora_A\./.test(key))) return null;
  return (
    `"${where}" changes out_proj of nn.MultiheadAttention, a change that PEFT 0.21 adds twice, in training and ` +
    'afterwards, merged or not (huggingface/peft#3774). It is added once here, as the file says; for the features that ' +
    'PEFT gives load the adapter with peftAsIs: true (--peft-as-is)'
  );
}

/** lora_alpha / r, or / sqrt(r) with rsLoRA, each by the module's own pattern where one fits. */
function scales(config: Record<string, unknown>, where: string): (module: string) => (rank: number) => number {
  const number = (value: unknown, name: string, least: number): number => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least)
      throw new Error(
        `"${where}": adapter_config.json expected a number of at least ${least} as "${name}", got ` +
          `${JSON.stringify(value)?.slice(0, 60) ?? 'none'}; correct it`,
      );
    return value;
  };
  const patterns = (name: string): [RegExp, unknown][] => {
    const value = config[name] ?? {};
    if (!isObject(value))
      throw new Error(
        `"${where}": adapter_config.json expected an object as "${name}", got ` +
          `${JSON.stringify(value).slice(0, 60)}; correct it`,
      );
    return Object.entries(value).map(([key, entry]) => [patternOf(key, name, where), entry]);
  };
  const [r, alpha] = [number(config.r, 'r', 1), number(config.lora_alpha, 'lora_alpha', -Infinity)];
  const [ranks, alphas] = [patterns('rank_pattern'), patterns('alpha_pattern')];
  return (module) => {
    const own = (list: [RegExp, unknown][], name: string, otherwise: number, least: number): number => {
      const fits = list.find(([pattern]) => pattern.test(module));
      return fits === undefined ? otherwise : number(fits[1], name, least);
    };
    const expected = own(ranks, 'rank_pattern', r, 1);
    const numerator = own(alphas, 'alpha_pattern', alpha, -Infinity);
    return (rank) => {
      if (rank !== expected)
        throw new Error(
          `"${where}": "${module}" expected rank ${expected} by adapter_config.json, got ${rank}; take the ` +
            'configuration that belongs to the weights',
        );
      return numerator / (config.use_rslora === true ? Math.sqrt(rank) : rank);
    };
  };
}

/** PEFT's rule: a regular expression for the end of the module's path, from the beginning of a component on. */
function patternOf(key: string, name: string, where: string): RegExp {
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key})$`);
  } catch {
    throw new Error(
      `"${where}": adapter_config.json expected a regular expression as a key of "${name}", got ` +
        `${JSON.stringify(key.slice(0, 60))}; correct it`,
    );
  }
}
