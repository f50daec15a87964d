// What a pickle is turned into: plain data. Classes and functions are only names here; nothing of them exists.

/** A class or function that the pickle names. */
export interface PickleGlobal {
  readonly kind: 'global';
  /** `torch._utils._rebuild_tensor_v2` */
  readonly name: string;
}

/** What the pickle would have built by calling a class or function: recorded, not built. */
export interface PickleRecord {
  readonly kind: 'record';
  readonly name: string;
  readonly args: readonly PickleValue[];
  /** What BUILD gave it, usually its attributes. */
  state: PickleValue;
  readonly items: Map<PickleValue, PickleValue>;
}

/** Something that the owner of the unpickler made: a storage, a tensor. */
export interface PickleForeign {
  readonly kind: 'foreign';
}

/** Tuples, lists, sets and frozensets are arrays; dictionaries of all sorts are Maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleRecord
  | PickleForeign;

export const isGlobal = (value: PickleValue): value is PickleGlobal => hasKind(value, 'global');
export const isRecord = (value: PickleValue): value is PickleRecord => hasKind(value, 'record');
export const isForeign = (value: PickleValue): value is PickleForeign => hasKind(value, 'foreign');

function hasKind(value: PickleValue, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}
