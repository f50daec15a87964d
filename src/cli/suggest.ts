// "Did you mean …?" for values of options; commander does the same for its own options and commands.

/**
 * The candidate that is closest to a mistyped word, or null if none is close. Case is ignored, and runs of spaces,
 * `_`, `/`, `@` and `-` all count as one `-`.
 */
export function closest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null,
    least = Infinity;
  for (const candidate of candidates) {
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < least) [best, least] = [candidate, distance];
  }
  // At most a third of the word may be wrong: "xyz" is not a misspelling of "RN50".
  return best !== null && least <= Math.max(1, Math.min(3, Math.floor(plain(best).length / 3))) ? best : null;
}

const plain = (text: string): string => text.toLowerCase().replace(/[\s_/@-]+/g, '-');

/** Insertions, deletions, replacements and exchanges of neighbours that lead from a to b (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
