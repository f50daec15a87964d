// Orders of summation as trees: what the text of the contract says, what probing found, and where the two differ.

/**
 * A summand by its number, or the sum of several, from left to right where there are two. More than two: added without
 * a rounding in between.
 */
export type Tree = number | readonly Tree[];

/** ((first + second) + third) + … */
export const inTurn = (parts: readonly Tree[]): Tree =>
  parts.slice(1).reduce<Tree>((sum, part) => [sum, part], parts[0]);

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + step * i);

/**
 * The numerics contract, item 2, by the letter: acc = +0; for each block of 128 consecutive k: s = +0, then s + product
 * in ascending order; acc + s; at the end acc + bias, and what follows it in turn. The two zeros that the sums begin
 * with change no number, but for -0.
 * @param K products
 * @param after single summands beyond the products: the bias, a residual
 */
export function blocks(K: number, after = 0): Tree {
  const sums = range(0, K, 128).map((start) => inTurn(range(start, Math.min(start + 128, K))));
  return inTurn([inTurn(sums), ...range(K, K + after)]);
}

/**
 * The numerics contract, item 3: s[j] sums the elements i = j (mod 4) in ascending order, the total is (s0 + s1) + (s2
 * + s3). A stripe of nothing is +0.
 */
export function stripes(n: number): Tree {
  const [s0, s1, s2, s3] = [0, 1, 2, 3]
    .map((j) => range(j, n, 4))
    .map((stripe) => (stripe.length > 0 ? inTurn(stripe) : null));
  const pair = (a: Tree | null, b: Tree | null): Tree | null => (a !== null && b !== null ? [a, b] : (a ?? b));
  return pair(pair(s0, s1), pair(s2, s3))!;
}

/**
 * The tree of what is left where only these summands can be seen: the others are zeros, which take part but change no
 * number.
 */
export function only(tree: Tree, visible: ReadonlySet<number>): Tree | null {
  if (typeof tree === 'number') return visible.has(tree) ? tree : null;
  const parts = tree.map((part) => only(part, visible)).filter((part) => part !== null);
  return parts.length > 1 ? parts : (parts[0] ?? null);
}

/** The tree with other numbers for its summands. */
export const renamed = (tree: Tree, name: (i: number) => number): Tree =>
  typeof tree === 'number' ? name(tree) : tree.map((part) => renamed(part, name));

/** The summands in ascending order. */
export const leaves = (tree: Tree): number[] =>
  typeof tree === 'number' ? [tree] : tree.flatMap(leaves).sort((a, b) => a - b);

/**
 * For every pair of the n summands, how many summands the sum has in which the two meet: at [i·n + j]. 0 for summands
 * that the tree does not have.
 */
export function meetings(tree: Tree, n: number): Uint16Array {
  const met = new Uint16Array(n * n);
  const visit = (node: Tree): number[] => {
    if (typeof node === 'number') return [node];
    const parts = node.map(visit);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    parts.forEach((part, p) => {
      for (const i of part)
        for (const other of parts.slice(0, p)) for (const j of other) met[i * n + j] = met[j * n + i] = size;
    });
    return parts.flat();
  };
  visit(tree);
  return met;
}

/**
 * The tree that has these meetings (Xie, Gao, Wang, Xue 2024, "FPRev: revealing the order of floating-point
 * summation"): what the first summand meets, from the smallest sum on, are the subtrees that are added to it one after
 * the other.
 * @returns null where there is none: the order is not a tree, or not the same from one run to the next
 */
export function rebuild(met: Uint16Array, n: number): Tree | null {
  const at = (i: number, j: number): number => met[i * n + j];
  const build = (leaves: readonly number[]): Tree => {
    const [first, ...others] = leaves;
    let node: Tree = first;
    for (const size of [...new Set(others.map((j) => at(first, j)))].sort((a, b) => a - b)) {
      let group = others.filter((j) => at(first, j) === size);
      const parts: Tree[] = [];
      while (group.length > 0) {
        // usually one subtree; more where a sum has no rounding in between
        const part = group.filter((j) => j === group[0] || at(group[0], j) < size);
        parts.push(build(part));
        group = group.filter((j) => !part.includes(j));
      }
      node = [node, ...parts];
    }
    return node;
  };
  const tree = build(range(0, n));
  const again = meetings(tree, n);
  return again.every((size, i) => size === met[i]) ? tree : null;
}

/**
 * A tree in writing: `0…127` for 0 + 1 + … + 127 in turn, `0…8 by 4` for 0 + 4 + 8, brackets for a sum that is made
 * before, braces for one without roundings.
 */
export function written(tree: Tree): string {
  if (typeof tree === 'number') return String(tree);
  if (tree.length > 2) return `{${tree.map(written).join(', ')}}`;
  const terms: Tree[] = [];
  let node: Tree = tree;
  while (typeof node !== 'number' && node.length === 2) {
    terms.unshift(node[1]);
    node = node[0];
  }
  terms.unshift(node);
  const said: string[] = [];
  for (let i = 0; i < terms.length;) {
    const [start, next] = terms.slice(i);
    const step = typeof start === 'number' && typeof next === 'number' ? next - start : 0;
    let end = i;
    while (
      step !== 0 &&
      typeof terms[end + 1] === 'number' &&
      (terms[end + 1] as number) - (terms[end] as number) === step
    )
      end++;
    if (end - i >= 2) {
      said.push(`${String(start)}…${String(terms[end])}${step === 1 ? '' : ` by ${step}`}`);
      i = end + 1;
    } else {
      said.push(typeof start === 'number' ? String(start) : `(${written(start)})`);
      i++;
    }
  }
  return said.join(' + ');
}
