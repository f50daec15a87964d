// Messages between parent and child.

export interface ChildJob {
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
  /** Milliseconds since 1970 at which it stops all the same. */
  readonly until: number;
  /** The input at work. */
  readonly current: string;
  /**
   * Comes in a message of its own. Inputs in base64: the queue of a child that had to be ended, or inputs to be run as
   * they are.
   */
  readonly inputs?: readonly string[];
  /** Only runs `inputs`, once each. */
  readonly only?: boolean;
  /** Makes the only input small, as long as it shows a finding of this kind and message. */
  readonly minimise?: string;
}

export interface Progress {
  readonly runs: number;
  readonly edges: number;
  readonly ofEdges: number;
  readonly queue: number;
  readonly slowestMs: number;
  readonly largestBytes: number;
}

export interface Finding {
  readonly kind: 'error' | 'allocation' | 'write' | 'rejection' | 'hang' | 'crash';
  readonly message: string;
  /** base64 */
  readonly input: string;
}

export type Report =
  | { type: 'progress'; progress: Progress }
  | { type: 'finding'; finding: Finding }
  | { type: 'kept'; input: string }
  | { type: 'done'; progress: Progress };

/** Bytes of the header in the file of the input at work: number of the run, length. */
export const CURRENT_HEADER = 8;
