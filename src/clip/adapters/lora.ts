// What every adapter is once it is read, whatever its layout: a list of low-rank changes of linear layers (LoRA,
// https://arxiv.org/abs/2106.09685).
// W' = W + scale · B · A, or, without touching W, y = W x + scale · B (A x).

/** Which rows of which parameter a change adds to. Rows are a layer's outputs. */
export interface Target {
  /** The parameter's name in OpenAI's state dict. */
  readonly parameter: string;
  /** Outputs and inputs of the whole parameter as a linear layer. */
  readonly outputs: number;
  readonly inputs: number;
  /** The first output that changes, and how many. */
  readonly begin: number;
  readonly count: number;
  /** Whether the parameter lies as (inputs, outputs), as CLIP's two projections do, instead of (outputs, inputs). */
  readonly transposed: boolean;
}

export interface LoraPart {
  readonly target: Target;
  /** r */
  readonly rank: number;
  /** (r, inputs), row-major */
  readonly A: Float32Array;
  /** (count, r), row-major */
  readonly B: Float32Array;
  readonly scale: number;
}

export interface Adapter {
  readonly name: string;
  /** The file or folder it was read from. */
  readonly origin: string;
  /** Whose layout it has: 'PEFT', 'CLIP-LoRA' or 'loralib'. */
  readonly layout: string;
  readonly parts: readonly LoraPart[];
}

/** A file or folder, or one with what the file does not say. */
export type AdapterSource = string | AdapterDescription;

export interface AdapterDescription {
  /** PEFT: the folder, or adapter_model.safetensors (or .bin) in it; CLIP-LoRA and loralib: the file. */
  readonly path: string;
  /** What `setAdapter` calls it. Default: the folder's name, or the file's without its ending. */
  readonly name?: string;
  /** loralib only, whose files do not hold it: lora_alpha. */
  readonly alpha?: number;
  /**
   * PEFT on nn.MultiheadAttention only: count out_proj's change twice, as PEFT is reported to do until that is mended
   * (huggingface/peft#3774), in training too. Default false: once, as the file says.
   */
  readonly peftAsIs?: boolean;
  /**
   * loralib's MergedLinear only, where not all parts are enabled: which ones are, such as [true, false, true] for q and
   * v.
   */
  readonly enableLora?: readonly boolean[];
}
