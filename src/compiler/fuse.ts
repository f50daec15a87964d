// Which recorded operations are computed together: what follows a product and is used nowhere else is applied to its
// blocks while they are in the cache. Each operation rounds as it would alone, so no bit depends on this.

import { isWhole, storageOf, type Node, type RecordedNode, type Storage } from '../graph/node.ts';
import type { Recorder } from '../graph/recorder.ts';
import type { OperationName } from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';

/** One or more nodes that become one step: the first one computes, the others follow. */
export interface Item<Name extends OperationName = OperationName> {
  /** The product, or the only node. */
  readonly node: { [N in Name]: RecordedNode<N> }[Name];
  /** Operations that follow, in order. */
  readonly followers: readonly Node[];
  /** The node whose output this item leaves in memory: the last one. */
  readonly last: Node;
  /** Position of the last node in the recording. All operands exist there. */
  readonly position: number;
}

const FOLLOWERS: Partial<Record<OperationName, readonly OperationName[]>> = {
  conv2d: ['batchNorm2d', 'add', 'relu'],
  linear: ['quickGelu', 'gelu', 'add'],
};

/** Every operation on its own. */
export function single(recorder: Recorder): Item[] {
  return recorder.nodes.map((node, position) => ({ node, followers: [], last: node, position }));
}

/** @param wanted storages that are read outside of the plan */
export function fuse(recorder: Recorder, wanted: ReadonlySet<Storage>): Item[] {
  const users = new Map<Storage, Node[]>();
  for (const node of recorder.nodes) {
    for (const storage of new Set(node.operands.map(storageOf)))
      users.set(storage, [...(users.get(storage) ?? []), node]);
  }
  const position = new Map(recorder.nodes.map((node, i) => [node, i]));
  const absorbed = new Set<Node>();
  const items: Item[] = [];
  for (const node of recorder.nodes) {
    if (absorbed.has(node)) continue;
    const followers: Node[] = [];
    let allowed = FOLLOWERS[node.op] ?? [];
    let last = node;
    while (allowed.length > 0 && !wanted.has(last.storage)) {
      const [next, ...others] = users.get(last.storage) ?? [];
      if (
        next === undefined ||
        others.length > 0 ||
        absorbed.has(next) ||
        !allowed.includes(next.op) ||
        !follows(next, last)
      )
        break;
      // Each kind once, in this order.
      allowed = allowed.slice(allowed.indexOf(next.op) + 1).filter((op) => next.op !== 'quickGelu' || op !== 'gelu');
      followers.push(next);
      absorbed.add(next);
      last = next;
    }
    items.push({ node, followers, last, position: position.get(last)! });
  }
  return items.sort((a, b) => a.position - b.position);
}

/** Whether `next` takes all of `last` as it is stored, once, and leaves its output in the same layout. */
function follows(next: Node, last: Node): boolean {
  if (next.output.stride.join() !== last.output.stride.join()) return false;
  const uses = next.operands.filter((x) => storageOf(x) === last.storage);
  if (uses.length !== 1 || !isWhole(uses[0] as Tensor)) return false;
  if (next.op !== 'add') return uses[0] === next.inputs[0];
  return next.inputs[0].shape.join() === next.inputs[1].shape.join();
}

/** The other summand of an add that follows `before`. */
export function residualOf(add: RecordedNode<'add'>, before: Node): Tensor {
  return add.inputs.find((x) => storageOf(x) !== before.storage)!;
}
