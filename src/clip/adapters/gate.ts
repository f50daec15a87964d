// A readers-writer lock for async code: calls run concurrently; a change waits for earlier calls and holds back later
// ones.

export class Gate {
  #last: Promise<unknown> = Promise.resolve();
  readonly #calls = new Set<Promise<unknown>>();

  /** Runs a call after the changes requested before it. */
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

  /** Runs a change after all calls and changes requested before it. */
  change<T>(change: () => Promise<T>): Promise<T> {
    const result = Promise.all([...this.#calls, this.#last]).then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
