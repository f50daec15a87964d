// Memory of one plan: pieces handed out first-fit from a region that begins at an address and may grow, and freed when
// no later step reads them.

const ALIGNMENT = 64;

export class Arena {
  readonly #free: { begin: number; end: number }[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;

  constructor(begin: number) {
    this.#end = Math.ceil(begin / ALIGNMENT) * ALIGNMENT;
  }

  /** The first address that no piece has ever reached. */
  get end(): number {
    return this.#end;
  }

  /** @returns the address of `bytes` bytes, aligned to 64 */
  allocate(bytes: number): number {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    const hole = this.#free.find(({ begin, end }) => end - begin >= size);
    let address: number;
    if (hole === undefined) {
      // The last hole may be grown.
      const last = this.#free[this.#free.length - 1];
      if (last !== undefined && last.end === this.#end) this.#free.pop();
      address = last !== undefined && last.end === this.#end ? last.begin : this.#end;
      this.#end = address + size;
    } else {
      address = hole.begin;
      hole.begin += size;
      if (hole.begin === hole.end) this.#free.splice(this.#free.indexOf(hole), 1);
    }
    this.#sizes.set(address, size);
    return address;
  }

  /** Frees a piece. */
  release(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new Error(`arena: nothing was allocated at ${address}`);
    this.#sizes.delete(address);
    this.#free.push({ begin: address, end: address + size });
    this.#free.sort((a, b) => a.begin - b.begin);
    for (let i = this.#free.length - 1; i > 0; i--) {
      if (this.#free[i - 1].end === this.#free[i].begin) {
        this.#free[i - 1].end = this.#free[i].end;
        this.#free.splice(i, 1);
      }
    }
  }
}
