// An adapter that is open but not yet fitted to a model, and what its user adds to what the file says.

import type { TensorFile } from '../../formats/tensor-file.ts';

/** 'merged' adds an adapter to the weights, 'unmerged' applies it beside them. */
export type AdapterMode = 'merged' | 'unmerged';

/** What an adapter's file does not say. */
export interface AdapterHints {
  /** What `setAdapter` calls it. Default: the folder's name, or the file's without its ending. */
  readonly name?: string;
  /** loralib only, whose files do not hold it: lora_alpha. */
  readonly alpha?: number;
  /**
   * PEFT on nn.MultiheadAttention only: count out_proj's change twice, as PEFT 0.21 does (huggingface/peft#3774), in
   * training too; false says that once is right. Default: once, as the file says, and a warning (`model.warnings`).
   */
  readonly peftAsIs?: boolean;
  /**
   * loralib's MergedLinear only, where not all parts are enabled: which ones are, such as [true, false, true] for q and
   * v.
   */
  readonly enableLora?: readonly boolean[];
}

export interface AdapterFile {
  /** What `setAdapter` calls it. */
  readonly name: string;
  /** The path or URL that was given, for messages. */
  readonly origin: string;
  /** Open; `parseAdapter` reads from it, its owner closes it. */
  readonly tensors: TensorFile;
  /** adapter_config.json beside it (PEFT); null if there is none. */
  readonly config: Record<string, unknown> | null;
  readonly hints: AdapterHints;
}

/** @throws TypeError or RangeError for a hint of the wrong kind */
export function checkHints({ name, alpha, enableLora, peftAsIs }: AdapterHints): void {
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
}

/**
 * The last folder's name, or the file's without its ending; adapter_model.safetensors says nothing, its folder does.
 */
export function adapterName(path: string): string {
  const [last, folder] = path
    .split(/[\\/]+/)
    .filter((part) => part !== '' && part !== '.')
    .reverse();
  const name = (last ?? path).replace(/\.(safetensors(\.gz)?|pt|pth|bin)$/, '');
  return name === 'adapter_model' ? (folder ?? name) : name;
}

/** Opens several, one after the other; if one fails, those that are open are closed. */
export async function openAll<Source>(
  sources: Source | readonly Source[] | undefined,
  open: (source: Source) => Promise<AdapterFile>,
): Promise<AdapterFile[]> {
  const list =
    sources === undefined ? [] : Array.isArray(sources) ? (sources as readonly Source[]) : [sources as Source];
  const files: AdapterFile[] = [];
  try {
    for (const source of list) files.push(await open(source));
    return files;
  } catch (error) {
    for (const file of files) await file.tensors.close();
    throw error;
  }
}
