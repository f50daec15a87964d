// Checks of an operation's arguments, made before it computes. A TypeError reports a wrong kind of value, a RangeError
// the right kind with a wrong value; both name the function, the argument, what was expected, what came and, where it
// is not obvious, the remedy. Messages are built only when they are thrown.

import type ndarray from 'ndarray';
import type { FloatArray, Tensor } from './tensor.ts';

/** (2, 3, 4) */
export function shapeText(shape: readonly (number | string)[]): string {
  return `(${shape.join(', ')})`;
}

/** Describes a value for an error message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number')
    return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const kind = value.constructor?.name || 'Object';
  if (Array.isArray(value))
    return value.length <= 4 && value.every((v) => typeof v === 'number')
      ? `[${value.join(', ')}]`
      : `an Array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${kind} without a shape`;
  if ('data' in value && 'shape' in value)
    return `an ndarray over ${(value.data as object | null)?.constructor?.name ?? typeof value.data}`;
  return `an object of class ${kind}`;
}

function isNdArray(x: unknown): x is ndarray.NdArray {
  if (typeof x !== 'object' || x === null) return false;
  const { data, shape, stride, offset } = x as Record<string, unknown>;
  return (
    data !== undefined &&
    Array.isArray(shape) &&
    Array.isArray(stride) &&
    shape.length === stride.length &&
    typeof offset === 'number'
  );
}

/**
 * Every extent a whole number >= 0, and the first and the last element within the data: an ndarray's own constructor
 * checks neither.
 */
export function requireWithinData(where: string, x: ndarray.NdArray): void {
  let first = x.offset;
  let last = x.offset;
  for (let axis = 0; axis < x.shape.length; axis++) {
    const extent = x.shape[axis];
    if (!Number.isInteger(extent) || extent < 0)
      throw new RangeError(`${where} expected whole extents of at least 0, got shape ${shapeText(x.shape)}`);
    if (extent === 0) return;
    const reach = (extent - 1) * x.stride[axis];
    if (reach < 0) first += reach;
    else last += reach;
  }
  const length = (x.data as { length: number }).length;
  // Written so that a NaN offset or stride fails too.
  if (!(first >= 0 && last < length)) {
    throw new RangeError(
      `${where} expected shape ${shapeText(x.shape)} to be within its data, got elements ${first} to ${last} ` +
        `of data of length ${length}`,
    );
  }
}

/**
 * x is an ndarray over a Float32Array or a Float64Array.
 * @param rank the number of axes, or the least number with `atLeast`
 */
export function requireTensor(
  operation: string,
  name: string,
  x: unknown,
  rank = 0,
  letters = '',
  atLeast = false,
): asserts x is Tensor {
  const where = `${operation}: "${name}"`;
  if (!isNdArray(x) || !(x.data instanceof Float32Array || x.data instanceof Float64Array)) {
    throw new TypeError(
      `${where} expected an ndarray over a Float32Array or Float64Array, got ${describe(x)}; make one with ` +
        'ndarray(new Float32Array(values), shape)',
    );
  }
  if (letters !== '' && (atLeast ? x.shape.length < rank : x.shape.length !== rank)) {
    throw new RangeError(`${where} expected shape ${letters}, got ${shapeText(x.shape)}`);
  }
  requireWithinData(where, x);
}

/**
 * A parameter beside x: of the given shape, and never wider than x, because the contract has no rounding of parameters.
 */
export function requireParameter(
  operation: string,
  name: string,
  parameter: unknown,
  shape: readonly number[],
  letters: string,
  x: { data: FloatArray },
): asserts parameter is Tensor {
  requireTensor(operation, name, parameter);
  requireNoWider(operation, name, parameter, x);
  if (parameter.shape.length !== shape.length || shape.some((extent, axis) => parameter.shape[axis] !== extent)) {
    throw new RangeError(`${operation}: "${name}" expected shape ${letters}, got ${shapeText(parameter.shape)}`);
  }
}

/**
 * float32 beside float64 is taken exactly; float64 beside float32 would need a rounding that the contract does not
 * have.
 */
export function requireNoWider(operation: string, name: string, parameter: Tensor, x: { data: FloatArray }): void {
  if (x.data instanceof Float32Array && !(parameter.data instanceof Float32Array)) {
    throw new TypeError(
      `${operation}: "${name}" expected an ndarray over a Float32Array like the first argument, got ` +
        `${describe(parameter)}; round it yourself, or compute in float64`,
    );
  }
}

/** An options object with no unknown names: a misspelt option must not be silently ignored. */
export function requireOptions(operation: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options) || isNdArray(options)) {
    throw new TypeError(
      `${operation}: "options" expected an object with ${known.join(', ')}, got ${describe(options)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new RangeError(`${operation}: "options" expected only ${known.join(', ')}, got "${name}"`);
  }
}

/** A whole number, or one for each of [vertical, horizontal]. */
export function pairOf(operation: string, name: string, value: unknown, least: 0 | 1): [number, number] {
  const pair: unknown = typeof value === 'number' ? [value, value] : value;
  if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'number' || typeof pair[1] !== 'number') {
    throw new TypeError(`${operation}: "${name}" expected a number or [vertical, horizontal], got ${describe(value)}`);
  }
  const [vertical, horizontal] = pair as [number, number];
  if (!Number.isSafeInteger(vertical) || !Number.isSafeInteger(horizontal) || vertical < least || horizontal < least) {
    throw new RangeError(`${operation}: "${name}" expected whole numbers of at least ${least}, got ${describe(value)}`);
  }
  return [vertical, horizontal];
}

/** eps of a normalisation: a finite number >= 0. */
export function requireEps(operation: string, eps: unknown): asserts eps is number {
  if (typeof eps !== 'number') throw new TypeError(`${operation}: "eps" expected a number, got ${describe(eps)}`);
  if (!(eps >= 0 && eps < Infinity))
    throw new RangeError(`${operation}: "eps" expected a finite number of at least 0, got ${eps}`);
}

/** The number of windows along one axis, as PyTorch counts them: floor((extent + 2·padding - kernel) / stride) + 1. */
export function windowCount(
  operation: string,
  name: string,
  axis: string,
  extent: number,
  kernel: number,
  stride: number,
  padding: number,
): number {
  const room = extent + 2 * padding - kernel;
  if (room < 0) {
    throw new RangeError(
      `${operation}: "${name}" expected to fit into the padded input, got ${axis} ${kernel} > ${extent} + ` +
        `2·${padding}; pad more, or use a smaller kernel`,
    );
  }
  return Math.floor(room / stride) + 1;
}
