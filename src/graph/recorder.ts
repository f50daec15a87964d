// The recording operation set: layers call it as they call the plain one, and what they do is written down instead of
// computed.

import { resultOf, type Layout, type Operand, type Shape } from '../ops/operation.ts';
import {
  DESCRIPTIONS,
  operationsOf,
  type ArgumentsOf,
  type AttributesOf,
  type InputsOf,
  type OperationName,
  type Operations,
  type ResultsOf,
} from '../ops/operations.ts';
import type { Tensor } from '../ops/tensor.ts';
import {
  elementAt,
  isWhole,
  paddedStrides,
  RecordedNode,
  source,
  Storage,
  storageOf,
  view,
  type Constant,
  type MemoryLayout,
  type Node,
} from './node.ts';

export class Recorder {
  readonly nodes: Node[] = [];
  /** Data that was known when it was recorded, in the order in which it came up. */
  readonly constants: Constant[] = [];
  readonly taps: { name: string; tensor: Tensor; after: number }[] = [];
  /** The operation set that records. */
  readonly ops: Operations;
  /** Parameters that were rounded or quantised, by how. */
  readonly #parameters = new Map<string, Tensor>();
  readonly #precision: 'float32' | 'float64';

  /** @param precision 'float64' takes float64 tensors besides float32 ones */
  constructor(precision: 'float32' | 'float64' = 'float32') {
    this.#precision = precision;
    this.ops = operationsOf(
      (name) =>
        (...args) =>
          this.#record(name, args),
    );
  }

  /** Notes that a module's output is wanted. */
  readonly tap = (name: string, tensor: Tensor): void => {
    this.taps.push({ name, tensor: this.#recorded(tensor), after: this.nodes.length });
  };

  #record<Name extends OperationName>(op: Name, args: ArgumentsOf[Name]): ResultsOf[Name] {
    const { record, shapes, layout, unchanged, ids = [] } = DESCRIPTIONS[op];
    const taken = record(...args);
    const inputs = taken.inputs.map((x, i) => x && this.#recorded(x, ids.includes(i))) as unknown as InputsOf[Name];
    const first = inputs[0] as Tensor;
    if (unchanged?.(inputs)) return first as ResultsOf[Name];
    const push = (operands: InputsOf[Name]): RecordedNode<Name> => {
      const outputs = shapes(operands, taken.attributes);
      const kind = typeof layout === 'function' ? layout(operands) : layout;
      const layouts = outputs.map((shape, i) =>
        layoutOf(typeof kind === 'string' ? kind : kind[i], shape, operands[0] as Tensor),
      );
      const node = new RecordedNode(op, operands, taken.attributes, outputs, layouts);
      this.nodes.push(node as unknown as Node);
      return node;
    };
    if (layout !== 'parameter') return resultOf(push(inputs).outputs) as ResultsOf[Name];
    const single = (operands: InputsOf[Name]): Tensor => push(operands).output;
    return this.#parameterOr(op, taken.attributes, first, single, inputs) as ResultsOf[Name];
  }

  /** A parameter is taken whole, though a view of it came, and once: packed ones can only be read as a whole. */
  #parameterOr<Name extends OperationName>(
    op: Name,
    attributes: AttributesOf[Name],
    x: Tensor,
    push: (operands: InputsOf[Name]) => Tensor,
    inputs: InputsOf[Name],
  ): Tensor {
    const { origin } = storageOf(x);
    if (origin.kind !== 'weight' || origin.shape === undefined) return push(inputs);
    const key = `${op} ${origin.name} ${Object.values(attributes).join()}`;
    const whole = view(storageOf(x), origin.shape, paddedStrides(origin.shape, 0).stride);
    const known = this.#parameters.get(key) ?? push([whole, ...inputs.slice(1)] as unknown as InputsOf[Name]);
    this.#parameters.set(key, known);
    return view(storageOf(known), x.shape, x.stride, x.offset);
  }

  /**
   * A tensor that holds numbers already (a mask, a test's operand) becomes a constant.
   * @param ids whether numbers of rows are expected
   */
  #recorded(x: Operand, ids = false): Tensor {
    const data: unknown = x.data;
    if (data instanceof Storage) return x as Tensor;
    if (data instanceof Float64Array && this.#precision === 'float32')
      throw new TypeError('a float64 tensor among float32 ones: round it yourself, or compute with precision float64');
    if (data instanceof Int32Array && ids) return this.#constant(new Int32Array(x.size), x);
    if (data instanceof Float32Array) return this.#constant(new Float32Array(x.size), x);
    if (data instanceof Float64Array) return this.#constant(new Float64Array(x.size), x);
    throw new TypeError('expected a tensor over a Float32Array or Float64Array');
  }

  /** @param data takes x's elements, in row-major order */
  #constant(data: Constant, x: Operand): Tensor {
    for (let i = 0; i < data.length; i++) data[i] = elementAt(x, i);
    this.constants.push(data);
    return source({ kind: 'constant', data, index: this.constants.length - 1 }, x.shape);
  }
}

/** An output's place in its memory, by the layout that the operation's description names. */
function layoutOf(layout: Layout, shape: Shape, x: Tensor): MemoryLayout {
  switch (layout) {
    case 'elements':
    case 'like':
    case 'parameter':
      // padding included, so that one run over the memory does it
      return isWhole(x) ? { stride: x.stride, size: storageOf(x).length } : paddedStrides(shape, 0);
    case 'columns':
      return paddedStrides(shape, 1);
    case 'planes':
      return paddedStrides(shape, 2);
    case 'tokens':
      return tokensFirst(x) ? tokensBeforeImages(shape) : paddedStrides(shape, 0);
    case 'rows':
    case 'dense':
      return paddedStrides(shape, 0);
  }
}

/** Whether (N,T,D) is stored with tokens first, as transformers have it: the next layer then finds rows in order. */
const tokensFirst = ({ shape, stride }: Tensor): boolean => shape.length === 3 && stride[0] < stride[1];

const tokensBeforeImages = ([N, T, D]: Shape): MemoryLayout => ({ stride: [D, N * D, 1], size: N * T * D });
