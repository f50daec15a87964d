// The plain definitions as an operation set: one thread, plain loops, in float32 or float64 by the element type of the
// first operand.

import { DESCRIPTIONS, operationsOf, type Operations } from './operations.ts';

export const reference: Operations = operationsOf((name) => DESCRIPTIONS[name].plain);
