// sigmoid in SIMD: same bits as sigmoid.ts.

import { expCore } from './exp-core.simd.ts';
import { high, low, round, type Block } from '../wasm/lanes.ts';
import type { Machine } from '../wasm/machine.ts';
import { runUnary, unaryKernel, type UnaryStep } from '../wasm/unary.ts';
import { f64x2, get, set, v128, when, type Code, type FunctionBuilder, type Local } from '../wasm/assembler.ts';

export type SigmoidStep = UnaryStep<'sigmoid'>;

const TINY = 0.000244140625; // 2^-12
const NUDGE = 2.220446049250313e-16; // 2^-52
const ODD_ONE = -0.001117885229177773; // 0xba928601 as binary32
const SIGMOID_OF_ODD_ONE = 0.4997205436229706;
// u = -x below -100: 1 + eᵘ is 1 in binary64. Above 200: 1 / (1 + eᵘ) rounds to 0.
const [LEAST, MOST] = [-100, 200];

function sigmoidBlock(f: FunctionBuilder, tables: Local): Block {
  const [a, b, u, w] = f.locals('v128', 4);
  const core = expCore(f, tables);
  const c = f64x2.const;
  // [1] y = RN32(1 / (1 + e^-x)), near 0 by the series
  const pair = (x: Local): Code => [
    set(u, f64x2.pmin(f64x2.pmax(f64x2.neg(get(x)), c(LEAST)), c(MOST))),
    core(u, u),
    set(u, f64x2.div(c(1), f64x2.add(c(1), get(u)))),
    // |x| < 2^-12, and one number more, where 1 / (1 + e^-x) is not good enough (sigmoid.ts)
    when(v128.any_true(f64x2.lt(f64x2.abs(get(x)), c(2 * ODD_BOUND))), [
      set(w, f64x2.add(c(0.5), f64x2.mul(get(x), c(0.25)))),
      set(w, f64x2.sub(get(w), v128.and(f64x2.gt(get(w), c(0.5)), c(NUDGE)))),
      set(w, f64x2.add(get(w), v128.and(f64x2.lt(get(w), c(0.5)), c(NUDGE)))),
      set(u, v128.bitselect(get(w), get(u), f64x2.lt(f64x2.abs(get(x)), c(TINY)))),
      set(u, v128.bitselect(c(SIGMOID_OF_ODD_ONE), get(u), f64x2.eq(get(x), c(ODD_ONE)))),
    ]),
    set(x, get(u)),
  ];
  return (x, y) => [set(a, low(get(x))), set(b, high(x)), pair(a), pair(b), set(y, round(get(a), get(b)))];
}

const ODD_BOUND = -ODD_ONE;

export function sigmoidKernels(): FunctionBuilder[] {
  return [unaryKernel('sigmoid_4', sigmoidBlock)];
}

export function runSigmoid(step: SigmoidStep, machine: Machine, part: number, parts: number): void {
  runUnary('sigmoid_4', step, machine, part, parts);
}

