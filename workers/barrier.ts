// A barrier for threads that compute one program together: no thread starts the next step before all have finished this
// one.
//
// It is a few words of shared memory (nothing of Node; browsers have the same Atomics). A waiting thread first
// spins, because the others are usually microseconds away, then sleeps. An abort flag beside the barrier releases
// all threads, whichever is missing: a thread that exited never arrives.
//
// Method: the generation counts the rounds. Arriving threads add to a counter; the last one sets it back to zero and
// opens the next generation, for which the others wait. (A sense-reversing barrier, Mellor-Crummey and Scott 1991,
// section 3.1, with the generation as the sense.)

/** Each word has a cache line of its own: threads that spin on the generation do not slow arriving ones down. */
const LINE = 16;
const ARRIVED = 0;
const GENERATION = LINE;
const ABORT = 2 * LINE;

/** 32-bit words that a barrier takes; they must be zero at the start. */
export const BARRIER_WORDS = 3 * LINE;

/**
 * Thrown out of `wait` when the abort flag is set. It tells the thread to leave, not what happened; the
 * thread that set the flag knows.
 */
export class Released extends Error {
  constructor() {
    super('barrier: released by the abort flag');
    this.name = 'Released';
  }
}

/**
 * Words of a new barrier, in shared memory of their own. They are used once, so that no thread of an earlier run can
 * interfere.
 */
export function barrierWords(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(BARRIER_WORDS * Int32Array.BYTES_PER_ELEMENT));
}

export class Barrier {
  readonly parts: number;
  readonly #words: Int32Array;
  readonly #spin: number;

  /**
   * @param words BARRIER_WORDS words of shared memory, the same for all parts
   * @param parts how many threads meet
   * @param spin how many times to look before going to sleep; 0 where threads outnumber the cores, since a spinning
   *   thread then keeps the awaited one from running
   */
  constructor(words: Int32Array, parts: number, spin: number) {
    if (!Number.isInteger(parts) || parts < 1)
      throw new RangeError(`Barrier: "parts" expected a positive integer, got ${parts}`);
    if (words.length < BARRIER_WORDS)
      throw new RangeError(`Barrier: "words" expected at least ${BARRIER_WORDS} words, got ${words.length}`);
    this.parts = parts;
    this.#words = words;
    this.#spin = spin;
  }

  /**
   * Returns when all parts have called it. Writes to shared memory before the call are seen by all threads after it.
   * @throws Released when the abort flag is set, before or while waiting
   */
  wait(): void {
    const words = this.#words;
    // The order matters: abort() raises the flag first and the generation second. Who reads the generation first and
    // finds no flag after it holds a generation that abort() is still going to change, and so cannot sleep through it.
    const generation = Atomics.load(words, GENERATION);
    if (Atomics.load(words, ABORT) !== 0) throw new Released();
    if (Atomics.add(words, ARRIVED, 1) === this.parts - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.add(words, GENERATION, 1);
      if (this.parts > 1) Atomics.notify(words, GENERATION);
    } else {
      let looks = this.#spin;
      while (looks > 0 && Atomics.load(words, GENERATION) === generation) looks -= 1;
      while (Atomics.load(words, GENERATION) === generation) Atomics.wait(words, GENERATION, generation);
    }
    if (Atomics.load(words, ABORT) !== 0) throw new Released();
  }
}

/**
 * Sets the abort flag: waiting threads and later ones get Released. Never blocks; for any thread, part of the
 * barrier or not.
 */
export function abort(words: Int32Array): void {
  Atomics.store(words, ABORT, 1);
  Atomics.add(words, GENERATION, 1);
  Atomics.notify(words, GENERATION);
}
