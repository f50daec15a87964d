// Float64 mode of everything that is not a product: the plain definitions themselves (reference64.ts), called by every
// thread on views of the machine's memory, each on its share of the rows, planes or elements. There is no second
// definition that could differ.

import ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { applied, type AttributesOf, type OperationName } from '../ops/operations.ts';
import { share, type Machine } from '../wasm/machine.ts';
import { reference64 } from '../ops/reference64.ts';
import { outputsOf } from '../ops/operation.ts';
import { sizeOf, type Tensor } from '../ops/tensor.ts';

/** A tensor in memory: element (i, j, …) is i·stride[0] + j·stride[1] + … elements from the address. */
export interface View64 {
  address: number;
  shape: number[];
  stride: number[];
  kind: 'f64' | 'f32' | 'i32';
}

/** An operand of which each part takes [begin, end) along an axis, or all. */
export interface Operand64 extends View64 {
  axis: number | null;
}

/** An operation whose items (rows, planes, elements) do not depend on each other. */
export type Plain64Step = { [Name in OperationName]: StepOf<Name> }[OperationName];

interface StepOf<Name extends OperationName> {
  kind: 'plain64';
  op: Name;
  /** In the order of the operation's arguments. */
  operands: Operand64[];
  attributes: AttributesOf[Name];
  /**
   * The output, of which each part computes its share along the axis. It may be stored where an operand is, element by
   * element. Without an axis nothing is divided, operands neither, and the first part computes all: an output that is
   * a sum over the items.
   */
  y: Output64;
  /** The outputs after the first, divided as it is. */
  more?: Output64[];
}

export type Output64 = Operand64;

/** Elements of the output that are computed at a time: they stay in the cache, and no large array is ever made. */
const RUN = 8192;

export function runPlain64(step: Plain64Step, machine: Machine, part: number, parts: number): void {
  const { op, operands, attributes, y, more = [] } = step;
  const compute = (at: number, to: number): void => {
    const inputs = operands.map((x) => tensorAt(x, x.axis, at, to, machine));
    const outputs = outputsOf(applied(reference64, op, inputs, attributes));
    [y, ...more].forEach((output, i) => {
      store(outputs[i].data as Float64Array, tensorAt(output, output.axis, at, to, machine));
    });
  };
  if (y.axis === null) {
    if (part === 0) compute(0, 1);
    return;
  }
  const count = y.shape[y.axis];
  const width = count === 0 ? 0 : sizeOf(y.shape) / count;
  const [begin, end] = share(count, width >= 8 ? 1 : 256, part, parts);
  const run = Math.max(1, Math.floor(RUN / Math.max(1, width)));
  for (let at = begin; at < end; at += run) compute(at, Math.min(at + run, end));
}

/** Items [begin, end) of a view along an axis, or all of it, as an ndarray over the memory. */
function tensorAt(
  { address, shape, stride, kind }: View64,
  axis: number | null,
  begin: number,
  end: number,
  machine: Machine,
): Tensor {
  const data = machine[kind];
  const offset = address / data.BYTES_PER_ELEMENT;
  if (axis === null) return ndarray(data as Float64Array, shape, stride, offset) as Tensor;
  const extents = shape.slice();
  extents[axis] = end - begin;
  return ndarray(data as Float64Array, extents, stride, offset + begin * stride[axis]) as Tensor;
}

/** Writes numbers in row-major order into a view: in runs, as long as its inner axes are contiguous. */
function store(from: Float64Array, { data, shape, stride, offset }: Tensor): void {
  let run = 1;
  let axis = shape.length - 1;
  for (; axis >= 0 && (shape[axis] === 1 || stride[axis] === run); axis--) run *= shape[axis];
  let i = 0;
  const outer = (d: number, at: number): void => {
    if (d > axis) {
      data.set(i === 0 && run === from.length ? from : from.subarray(i, i + run), at);
      i += run;
    } else {
      for (let n = 0; n < shape[d]; n++) outer(d + 1, at + n * stride[d]);
    }
  };
  outer(0, offset);
}

/**
 * Copies a tensor of any strides into memory of any strides, exactly: float64 as they are, float32 as the same numbers
 * in float64.
 */
export interface Copy64Step {
  kind: 'copy64';
  x: View64;
  y: View64;
}

export function runCopy64({ x, y }: Copy64Step, machine: Machine, part: number, parts: number): void {
  // Shares are cut along the longest axis.
  const longest = Math.max(...y.shape);
  const axis = y.shape.indexOf(longest);
  if (axis === -1) {
    if (part === 0) tensorAt(y, null, 0, 1, machine).set(tensorAt(x, null, 0, 1, machine).get());
    return;
  }
  const [begin, end] = share(longest, 1, part, parts);
  if (begin === end || sizeOf(y.shape) === 0) return;
  ops.assign(
    tensorAt(y, axis, begin, end, machine) as ndarray.NdArray,
    tensorAt(x, axis, begin, end, machine) as ndarray.NdArray,
  );
}
