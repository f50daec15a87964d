// Makes an input small that shows something: pieces are left out, bytes become zeros, as long as it still shows it (delta debugging; A. Zeller, R. Hildebrandt, 2002).

export interface MinimiseOptions {
  /** How often candidates are tried. */
  readonly rounds: number;
  /** How many are tried at once. */
  readonly candidates: number;
}

/** @param shows the index of the first candidate that still shows it, or -1 */
export async function minimise(input: Buffer, shows: (candidates: readonly Buffer[]) => Promise<number>, { rounds, candidates }: MinimiseOptions): Promise<Buffer> {
  let best = input, piece = Math.max(1, best.length >> 1), at = 0, isZeroing = false;
  for (let round = 0; round < rounds;) {
    const list: Buffer[] = [], places: number[] = [];
    while (list.length < candidates && at < best.length) {
      const candidate = isZeroing ? zeroed(best, at, piece) : Buffer.concat([best.subarray(0, at), best.subarray(at + piece)]);
      if (!candidate.equals(best)) { list.push(candidate); places.push(at); }
      at += piece;
    }
    if (list.length > 0) {
      round++;
      const found = await shows(list);
      if (found >= 0) {
        best = list[found];
        at = places[found] + (isZeroing ? piece : 0);
        continue;
      }
    }
    if (at < best.length) continue;
    at = 0;
    if (piece > 1) piece >>= 1;
    else if (!isZeroing) { isZeroing = true; piece = Math.max(1, best.length >> 2); }
    else break;
  }
  return best;
}

function zeroed(bytes: Buffer, at: number, length: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(0x30, at, Math.min(copy.length, at + length));
  return copy;
}
