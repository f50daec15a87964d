// The network as a graph, recorded by running the layers on a recording operation set: what each module's output
// is computed from. So the oracle can recompute any piece of it, from the values that a backend itself had, without a
// second description of the network.

import { parameterShapes } from '../../clip/parameters.ts';
import { visionOf, type Architecture } from '../../clip/architecture.ts';
import { imageTower } from '../../clip/towers.ts';
import type { Activation } from '../../layers/index.ts';
import { outputIn, source, storageOf, type Node, type Storage } from '../../graph/node.ts';
import { Recorder } from '../../graph/recorder.ts';
import type { Tensor } from '../../ops/tensor.ts';

export interface Network {
  readonly nodes: readonly Node[];
  /** Modules in the network's order, with their outputs as recorded. */
  readonly modules: ReadonlyMap<string, Tensor>;
  /** Heads of every attention in the image tower. */
  readonly heads: number;
  /** Shapes of the image tower's parameters. */
  readonly parameters: ReadonlyMap<string, readonly number[]>;
}

/** The part of the network between known values and a module's output. */
export interface Piece {
  readonly target: string;
  readonly output: Tensor;
  /** In the order in which they are computed. May be empty: then the output is one of the known values. */
  readonly nodes: readonly Node[];
  /** Storages that known values fill: a module's name, or `image`. */
  readonly known: ReadonlyMap<Storage, string>;
  /** Names of the parameters it needs. */
  readonly weights: ReadonlySet<string>;
}

/** @param N images in the batch */
export function recordNetwork(architecture: Architecture, activation: Activation, N: number): Network {
  const parameters = new Map(
    [...parameterShapes(architecture, { text: false })].map(([name, { shape }]) => [name, shape]),
  );
  const weights = new Map(
    [...parameters].map(([name, shape]) => [name, source({ kind: 'weight', name, shape }, shape)]),
  );
  const recorder = new Recorder();
  const modules = new Map<string, Tensor>();
  const tap = (name: string, output: Tensor): void => void modules.set(name, output);
  const { resolution: R, heads } = visionOf(architecture, 'verify');
  imageTower(architecture, weights, { ops: recorder.ops, tap, activation }).forward(
    source({ kind: 'input', slot: 0 }, [N, 3, R, R]),
  );
  return { nodes: recorder.nodes, modules, heads, parameters };
}

/**
 * The piece that computes `target` from what is known.
 * @param known modules whose values may be taken; those that come after the target are ignored, as the target itself is
 * @throws RangeError for a name that is no module
 */
export function pieceOf(network: Network, target: string, known: Iterable<string>): Piece {
  const output = network.modules.get(target);
  if (output === undefined)
    throw new RangeError(
      `causes: "target" expected one of the network's ${network.modules.size} modules, got "${target}"`,
    );
  const order = [...network.modules.keys()];
  const before = new Set(order.slice(0, order.indexOf(target)));
  const filled = new Map<Storage, string>();
  for (const name of known) {
    if (!before.has(name)) continue;
    const tensor = network.modules.get(name)!;
    const storage = storageOf(tensor);
    if (fills(tensor, storage)) filled.set(storage, name);
  }
  // Backwards from the output, as far as what is known.
  const nodes = new Set<Node>();
  const used = new Map<Storage, string>();
  const weights = new Set<string>();
  const open = [storageOf(output)];
  for (let storage = open.pop(); storage !== undefined; storage = open.pop()) {
    const name = filled.get(storage);
    const { origin } = storage;
    if (name !== undefined) used.set(storage, name);
    else if (origin.kind === 'input') used.set(storage, 'image');
    else if (origin.kind === 'weight') weights.add(origin.name);
    else if (origin.kind === 'node' && !nodes.has(origin.node)) {
      nodes.add(origin.node);
      open.push(...origin.node.operands.map(storageOf));
    }
  }
  return { target, output, nodes: network.nodes.filter((node) => nodes.has(node)), known: used, weights };
}

/** Whether a module's output shows all that its storage holds, in whatever order. */
function fills(tensor: Tensor, storage: Storage): boolean {
  return (
    tensor.offset === 0 && storage.origin.kind === 'node' && tensor.size === outputIn(storage, storage.origin.node).size
  );
}
