// Makes an input small that shows something: pieces are left out, bytes become digits 0, as long as it still shows it
// (delta debugging; A. Zeller, R. Hildebrandt, 2002).

/** @param rounds how often something is tried */
export async function minimise(
  input: Buffer,
  shows: (candidate: Buffer) => Promise<boolean>,
  rounds: number,
): Promise<Buffer> {
  let best = input,
    piece = Math.max(1, best.length >> 1),
    at = 0,
    isZeroing = false;
  for (let round = 0; round < rounds;) {
    if (at < best.length) {
      const candidate = isZeroing
        ? zeroed(best, at, piece)
        : Buffer.concat([best.subarray(0, at), best.subarray(at + piece)]);
      const isNew = !candidate.equals(best);
      if (isNew) round++;
      const isShown = isNew && (await shows(candidate));
      if (isShown) best = candidate;
      if (!isShown || isZeroing) at += piece; // what follows a piece that was left out has moved here
      continue;
    }
    at = 0;
    if (piece > 1) piece >>= 1;
    else if (!isZeroing) {
      isZeroing = true;
      piece = Math.max(1, best.length >> 2);
    } else break;
  }
  return best;
}

function zeroed(bytes: Buffer, at: number, length: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(0x30, at, Math.min(copy.length, at + length));
  return copy;
}
