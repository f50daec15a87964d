// An operation set with some operations replaced.

import { operationsOf, type Operations } from '../ops/operations.ts';

/**
 * `ops`, where `changes` has no operation of its own. Methods are called as methods, so that instances of classes can
 * be wrapped, too.
 */
export function wrap(ops: Operations, changes: Partial<Operations>): Operations {
  return operationsOf((name) => changes[name] ?? ((...args) => ops[name](...args)));
}
