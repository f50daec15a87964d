// A small random generator with a seed: a run can be repeated. xorshift128 (G. Marsaglia, Xorshift RNGs, 2003), seeded
// by splitmix32.

export class Random {
  readonly #s = new Uint32Array(4);

  constructor(seed: number) {
    let state = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.#s[i] = z ^ (z >>> 16);
    }
    this.#s[0] |= 1; // the state may not be all zeros
  }

  /** 32 random bits. */
  bits(): number {
    const s = this.#s;
    const t = s[0] ^ (s[0] << 11);
    s[0] = s[1];
    s[1] = s[2];
    s[2] = s[3];
    s[3] = s[3] ^ (s[3] >>> 19) ^ t ^ (t >>> 8);
    return s[3];
  }

  /** A whole number from 0 to n - 1; 0 for n < 1. */
  below(n: number): number {
    return n < 1 ? 0 : Math.floor((this.bits() / 4294967296) * n);
  }

  byte(): number {
    return this.bits() & 255;
  }

  /** True once in n times. */
  one(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)];
  }
}

/** A number out of a text, so that each target has a seed of its own (FNV-1a). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
