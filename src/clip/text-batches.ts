// Groups texts into passes by length, so that little is computed after the ends of texts. The grouping changes no bit.

/**
 * Below this many tokens reading the weights dominates a pass, so shorter texts are added to it.
 */
const ENOUGH_TOKENS = 128;
/** Tokens of a pass: more would not be faster, and need more memory. */
const MOST_TOKENS = 1024;

/**
 * Groups texts into passes, the longest first.
 * @param lengths tokens of each text up to its end
 * @returns the texts' numbers, each once
 */
export function textBatches(lengths: readonly number[]): number[][] {
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[b] - lengths[a] || a - b);
  const batches: number[][] = [];
  for (const n of order) {
    const batch = batches[batches.length - 1] as number[] | undefined;
    const longest = batch === undefined ? 0 : lengths[batch[0]];
    const tokens = (batch?.length ?? 0) * longest;
    const full = tokens + longest > MOST_TOKENS || (lengths[n] < longest && tokens >= ENOUGH_TOKENS);
    if (batch === undefined || full) batches.push([n]);
    else batch.push(n);
  }
  return batches;
}
