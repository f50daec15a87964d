// One listener per signal, whatever the number of calls that share it: Node warns of a leak from the eleventh listener
// of a signal on, and a hundred concurrent calls with one signal are no leak.

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `listener` when the signal aborts. Returns a function that takes it back. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  let set = listeners.get(signal);
  if (set === undefined) {
    const created = (set = new Set<() => void>());
    listeners.set(signal, created);
    const all = (): void => {
      for (const each of [...created]) each();
    };
    signal.addEventListener('abort', all, { once: true });
  }
  const own = set;
  own.add(listener);
  return () => {
    own.delete(listener);
  };
}
