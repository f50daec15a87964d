// The truth: the same definitions in float64. Operations give their result in the element type of their first operand,
// so those whose first operand may be a parameter, which stays float32, say how they widen it (`plain64`).

import { DESCRIPTIONS, operationsOf, type Operations } from './operations.ts';

export const reference64: Operations = operationsOf((name) => DESCRIPTIONS[name].plain64 ?? DESCRIPTIONS[name].plain);
