// An adapter after parsing, whatever its layout: a list of low-rank changes of linear layers (LoRA,
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
  /** True if the parameter is stored as (inputs, outputs), as CLIP's two projections are, not (outputs, inputs). */
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
