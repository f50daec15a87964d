// Calls that use something side by side, and changes to it: a change waits for the calls that came before it, and those
// that come after wait for it.

export class Gate {
  #last: Promise<unknown> = Promise.resolve();
  readonly #calls = new Set<Promise<unknown>>();

  /** Runs a call once the changes asked for before it are done. */
  use<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(call);
    const settled = result
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => this.#calls.delete(settled));
    this.#calls.add(settled);
    return result;
  }

  /** Runs a change once everything asked for before it is done. */
  change<T>(change: () => Promise<T>): Promise<T> {
    const result = Promise.all([...this.#calls, this.#last]).then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
