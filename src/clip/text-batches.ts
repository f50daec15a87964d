// How many texts are computed in a few passes: by length, so that hardly anything is computed for what comes after the
// ends. Which texts share a pass changes no bit.

/**
 * A pass reads all weights once, which costs as much as some tokens do: with fewer it is worth taking shorter texts
 * along.
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
