// The merges of a long word, in n log n instead of n² steps: pairs wait in a heap, by rank and then by place, and
// neighbours are linked. Gives what the plain loop gives (byte-pairs.ts), because a merge's new pairs rank after it: a
// symbol is listed before it is used.

/** @param rankOf the rank of two neighbouring ids, or undefined; @param merged the id of a rank */
export function mergeLong(
  ids: readonly number[],
  rankOf: (first: number, second: number) => number | undefined,
  merged: (rank: number) => number,
): number[] {
  const n = ids.length;
  const id = Int32Array.from(ids),
    next = Int32Array.from(ids, (_, i) => i + 1),
    before = Int32Array.from(ids, (_, i) => i - 1);
  // A key holds rank and place; of equal ranks the leftmost comes first.
  const heap: number[] = [];
  const offer = (at: number): void => {
    const rank = at >= 0 && next[at] < n ? rankOf(id[at], id[next[at]]) : undefined;
    if (rank !== undefined) push(heap, rank * n + at);
  };
  for (let at = 0; at + 1 < n; at++) offer(at);
  while (heap.length > 0) {
    const key = pop(heap),
      rank = Math.floor(key / n),
      at = key - rank * n;
    // The pair may be gone: swallowed by its left neighbour, or changed.
    if (id[at] < 0 || next[at] >= n || rankOf(id[at], id[next[at]]) !== rank) continue;
    const gone = next[at];
    id[at] = merged(rank);
    id[gone] = -1;
    next[at] = next[gone];
    if (next[at] < n) before[next[at]] = at;
    offer(before[at]);
    offer(at);
  }
  return Array.from(id).filter((one) => one >= 0);
}

function push(heap: number[], key: number): void {
  let at = heap.length;
  heap.push(key);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent] <= key) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = key;
}

function pop(heap: number[]): number {
  const least = heap[0],
    key = heap.pop()!;
  if (heap.length === 0) return least;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= key) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = key;
  return least;
}
