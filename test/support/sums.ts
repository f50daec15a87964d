// The order of summation made visible (FPRev: Xie et al. 2024; the idea goes back to Kahan's paranoia): among ones
// stand a number so large that it swallows whatever is added to it, and its negative. What comes out is how many ones
// were added while the large number was not there: it tells which sums meet where.

const BLOCK = 128;

/** Positions of the large number and its negative that show blocks of 128, their order and the order of their sums. */
export function revealingPairs(K: number): [number, number][] {
  const marks = [0, 1, 2, 63, 64, 126, 127, 128, 129, 200, 255, 256, 257, 300, K - 2, K - 1].filter(
    (k, i, all) => k >= 0 && k < K && all.indexOf(k) === i,
  );
  return marks.flatMap((i) => marks.filter((j) => j > i).map((j): [number, number] => [i, j]));
}

/** K ones with `large` at i and -large at j. */
export function probe(K: number, i: number, j: number, large: number): number[] {
  const values = new Array<number>(K).fill(1);
  values[i] = large;
  values[j] = -large;
  return values;
}

/** What blocks of 128, each summed in ascending order, and then the blocks in ascending order, make of the probe. */
export function survivorsOfBlocks(K: number, i: number, j: number): number {
  const blockEnd = (k: number): number => Math.min(K, (Math.floor(k / BLOCK) + 1) * BLOCK);
  // all earlier blocks are swallowed by the sum of the first block with a large number
  if (blockEnd(i) !== blockEnd(j)) return K - blockEnd(j);
  const blockStart = Math.floor(i / BLOCK) * BLOCK;
  return K - (j + 1 - blockStart); // within the block, all ones before j are gone; the other blocks stand
}

/** What four stripes (s0 + s1) + (s2 + s3) make of the probe. */
export function survivorsOfStripes(D: number, i: number, j: number): number {
  const inStripe = (s: number): number => Math.max(0, Math.ceil((D - s) / 4));
  const [a, b] = [i % 4, j % 4];
  if (a === b) {
    let gone = 0;
    for (let k = a; k < j; k += 4) if (k !== i) gone++; // ones of the stripe before the large numbers cancel
    return D - 2 - gone;
  }
  const pair = (s: number): number => s >> 1;
  if (pair(a) === pair(b)) return D - inStripe(a) - inStripe(b);
  return 0;
}
