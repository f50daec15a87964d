// From a recorded network to a plan: steps with addresses, in order, and what has to be copied in before and out after.

import type { Tensor } from '../ops/tensor.ts';
import type { Operand } from '../ops/operation.ts';
import { constantBytes } from './constants.ts';
import { Context, type Constant, type Placed, type Surroundings } from './context.ts';
import { emit } from './emit.ts';
import { emit64 } from './emit64.ts';
import { fuse, single } from './fuse.ts';
import { storageOf, type Storage } from '../graph/node.ts';
import type { Recorder } from '../graph/recorder.ts';
import type { Step } from './steps.ts';

export interface Plan {
  /** In segments: after each but the last one, the taps at that place are read. */
  segments: readonly (readonly Step[])[];
  /** Data that the plan needs in memory when it starts. */
  constants: readonly Constant[];
  /** Where the inputs go, by slot. */
  inputs: readonly (Pick<Placed, 'address' | 'kind'> | null)[];
  taps: readonly { name: string; placed: Placed; segment: number }[];
  outputs: readonly Placed[];
  /** The first address beyond the plan's memory. */
  end: number;
}

/** @param outputs tensors of the recording that the run returns */
export function plan(recorder: Recorder, outputs: readonly Tensor[], around: Surroundings): Plan {
  const wide = around.precision === 'float64';
  const context = new Context(around, constantBytes(recorder, outputs, wide));
  const wanted = new Set([...outputs, ...recorder.taps.map((tap) => tap.tensor)].map(storageOf));
  const items = wide ? single(recorder) : fuse(recorder, wanted);
  // Constants and inputs first: they must not be where an earlier step still computes.
  const operands: readonly Operand[] = [...recorder.nodes.flatMap((node) => node.operands), ...outputs];
  for (const x of operands) {
    const { kind } = storageOf(x).origin;
    if (kind === 'input' || kind === 'constant') context.address(x);
  }
  // [1] how long each storage is needed: to its last use, a wanted one to the end of its segment or of the plan
  const segmentOf = (after: number): number => items.reduce((last, item, i) => (item.position < after ? i : last), -1);
  const lastUse = new Map<Storage, number>();
  items.forEach((item, i) => {
    for (const node of [item.node, ...item.followers]) for (const x of node.operands) lastUse.set(storageOf(x), i);
    for (const y of item.last.outputs) if (!lastUse.has(storageOf(y))) lastUse.set(storageOf(y), i);
  });
  for (const tap of recorder.taps)
    lastUse.set(storageOf(tap.tensor), Math.max(lastUse.get(storageOf(tap.tensor)) ?? 0, segmentOf(tap.after)));
  for (const output of outputs) lastUse.set(storageOf(output), Infinity);
  const ending = new Map<number, Storage[]>();
  for (const [storage, i] of lastUse) ending.set(i, [...(ending.get(i) ?? []), storage]);
  // [2] steps, item by item, cut where a tap reads
  const cuts = new Set(recorder.taps.map((tap) => segmentOf(tap.after)));
  const segments: Step[][] = [];
  const segmentAt = new Map<number, number>();
  items.forEach((item, i) => {
    (wide ? emit64 : emit)(item, context);
    context.finish(ending.get(i) ?? []);
    if (cuts.has(i) && i < items.length - 1) {
      segmentAt.set(i, segments.length);
      segments.push(context.steps);
      context.steps = [];
    }
  });
  segments.push(context.steps);
  const placed = (x: Tensor): Placed => ({
    address: context.address(x),
    kind: context.kind(storageOf(x)) as Placed['kind'],
    shape: x.shape,
    stride: x.stride,
  });
  return {
    segments,
    constants: context.constants,
    inputs: context.inputs,
    taps: recorder.taps.map((tap) => ({
      name: tap.name,
      placed: placed(tap.tensor),
      segment: segmentAt.get(segmentOf(tap.after)) ?? segments.length - 1,
    })),
    outputs: outputs.map(placed),
    end: context.end + 4096,
  };
}
