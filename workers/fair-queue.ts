// A queue that is fair between owners: one item of each in turn, and first come, first served within an owner. A model
// with a hundred waiting calls does not keep another one waiting for more than one of them.

export class FairQueue<Owner, Item> {
  /** Owners with waiting items, the next one to be served first. */
  readonly #waiting = new Map<Owner, Item[]>();

  push(owner: Owner, item: Item): void {
    const items = this.#waiting.get(owner);
    if (items === undefined) this.#waiting.set(owner, [item]);
    else items.push(item);
  }

  /** Takes the next item, or undefined if the queue is empty. */
  shift(): Item | undefined {
    for (const [owner, items] of this.#waiting) {
      const item = items.shift();
      this.#waiting.delete(owner);
      if (items.length > 0) this.#waiting.set(owner, items); // To the end: the other owners come first now.
      return item;
    }
    return undefined;
  }

  /** Takes out one item. False when it does not wait here. */
  remove(owner: Owner, item: Item): boolean {
    const items = this.#waiting.get(owner);
    const index = items === undefined ? -1 : items.indexOf(item);
    if (items === undefined || index < 0) return false;
    items.splice(index, 1);
    if (items.length === 0) this.#waiting.delete(owner);
    return true;
  }

  get size(): number {
    let count = 0;
    for (const items of this.#waiting.values()) count += items.length;
    return count;
  }
}
