// loralib's layout (github.com/microsoft/LoRA, loralib/layers.py): lora_state_dict(model), keys MODULE.lora_A (r, in)
// and MODULE.lora_B (out, r). The scale alpha / r is not in the file. MergedLinear splits its outputs into parts, of
// which n are enabled: A (r·n, in) and B (n·out/parts, r), and enabled part g gets rows g of B times rows g of A.

import type { LoraPart, Target } from './lora.ts';

const KEY = /^(.+)\.(?:w_)?lora_([AB])$/;

export const isLoralib = (keys: readonly string[]): boolean => keys.some((key) => KEY.test(key));

export interface LoralibModule {
  readonly module: string;
  readonly A: string;
  readonly B: string;
}

/** @throws Error for a file with anything else in it */
export function loralibModules(keys: readonly string[], where: string): LoralibModule[] {
  return keys.flatMap((key) => {
    const match = KEY.exec(key);
    if (match === null)
      throw new Error(
        `"${where}" has "${key.slice(0, 120)}" beside the adapters, which cannot be applied; save the adapters ` +
          `alone: lora_state_dict(model) with bias 'none'`,
      );
    return match[2] === 'A' ? [{ module: match[1], A: key, B: key.replace(/A$/, 'B') }] : [];
  });
}

/**
 * The changes of one module: one, or one for each enabled part.
 * @param A (rows of A, inputs), B (rows of B, r)
 * @throws Error where the enabled parts are needed and not known, or do not fit
 */
export function loralibParts(
  target: Target,
  a: { values: Float32Array; rows: number },
  b: { values: Float32Array; rows: number; rank: number },
  alpha: number,
  enabled: readonly boolean[] | undefined,
  what: string,
): LoraPart[] {
  const { rank } = b;
  const scale = alpha / rank;
  const groups = a.rows / rank;
  if (groups === 1 && b.rows === target.count) return [{ target, rank, A: a.values, B: b.values, scale }];
  const whole = groups === 3 && b.rows === target.count ? [true, true, true] : undefined;
  const parts = enabled ?? whole;
  if (parts === undefined)
    throw new Error(
      `${what} is a part of a MergedLinear layer, and the file does not say which; give it as enableLora, such ` +
        'as [true, false, true] for q and v (--adapter-parts q,v)',
    );
  const size = target.count / parts.length;
  const indices = parts.flatMap((on, i) => (on ? [i] : []));
  if (!Number.isInteger(size) || indices.length !== groups || b.rows !== indices.length * size) {
    throw new Error(
      `${what} expected lora_A (${indices.length}·r, ${target.inputs}) and lora_B ` +
        `(${indices.length}·${target.count}/${parts.length}, r) for enableLora [${parts.join(', ')}], got ` +
        `(${a.rows}, ${target.inputs}) and (${b.rows}, ${rank}); correct enableLora`,
    );
  }
  return indices.map((part, g) => ({
    target: { ...target, begin: target.begin + part * size, count: size },
    rank,
    scale,
    A: a.values.slice(g * rank * target.inputs, (g + 1) * rank * target.inputs),
    B: b.values.slice(g * size * rank, (g + 1) * size * rank),
  }));
}
