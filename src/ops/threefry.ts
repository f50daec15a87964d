// Threefry-2x32 with 20 rounds: a counter-based random generator of additions, rotations and exclusive-ors on 32-bit
// words only.
// Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.
//
// All arithmetic is `| 0`; rotation left by r is (x << r) | (x >>> (32 - r)). Rotations 13 15 26 6, 17 29 16 24; the
// key is added after every fourth round with the round number.

const PARITY = 0x1bd11bda;

/** One block: two words (as signed 32-bit numbers) of key (k0, k1) and counter (c0, c1). */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const words = new Int32Array(2);
  fillWords(words, 2, k0, k1, c0, c1);
  return [words[0], words[1]];
}

/**
 * Words w[0 … count) of the stream with counters (first, high), (first + 1, high), …: two words per counter.
 * @param words takes them, as signed 32-bit numbers, from index 0 on
 */
export function fillWords(words: Int32Array, count: number, k0: number, k1: number, first: number, high = 0): void {
  k0 |= 0;
  k1 |= 0;
  const k2 = k0 ^ k1 ^ PARITY;
  const pairs = count >> 1;
  for (let pair = 0; pair <= pairs; pair++) {
    let a = (first + pair + k0) | 0,
      b = (high + k1) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + k1) | 0;
    b = (b + k2 + 1) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + k2) | 0;
    b = (b + k0 + 2) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + k0) | 0;
    b = (b + k1 + 3) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + k1) | 0;
    b = (b + k2 + 4) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + k2) | 0;
    b = (b + k0 + 5) | 0;
    // An odd count takes the first word of the last block only.
    if (pair < pairs) {
      words[2 * pair] = a;
      words[2 * pair + 1] = b;
    } else if (count & 1) {
      words[2 * pair] = a;
    }
  }
}
