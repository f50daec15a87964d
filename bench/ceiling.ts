// The ceiling: what a core gives for 128-bit multiplications and additions that are not fused and touch no memory.
// Every product is judged as a share of it. Two forms of loop, because engines differ in which they compile well; the
// better one counts.
//
// - chain: A accumulators x = x · h + h, independent of each other. A product and a sum take six cycles and four of
//   them can begin in each, so that fewer than 13 accumulators leave the core waiting; more than 14 do not fit the 15
//   registers that V8 gives.
// - tile: R x C accumulators s = s + a · b, as a matmul has them. The b change places in every iteration, else a
//   compiler could move the products out of the loop.
//
// On a Zen 4 at 3.66 GHz both reach 58 to 59 GFLOP/s on Node 20 and 24 (2026-11), which is what C with 128-bit AVX
// reaches there: two products and two sums per cycle.

import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { assemble, f32x4, FunctionBuilder, get, repeat, set, type Local } from '../src/wasm/assembler.ts';

interface Loop {
  /** (turns, h) -> the sum of all accumulators */
  build: FunctionBuilder;
  /** Floating-point operations of a turn. */
  work: number;
  /** What to pass as h, and the expected result after that many iterations. */
  h: number;
  expected: (turns: number) => number;
}

/** Small enough for every sum to be exact. */
const TURNS = 1 << 18;

/** The sum over all accumulators (so that none may be left out), first lane. */
const sumOf = (accumulators: Local[]): ReturnType<typeof get> =>
  f32x4.extract_lane(
    accumulators.map(get).reduce((sum, value) => f32x4.add(sum, value)),
    0,
  );

function chain(accumulators: number): Loop {
  const f = new FunctionBuilder(`chain_${accumulators}`, ['f32']);
  const [turns, h] = [f.param('i32'), f.param('f32')];
  const counter = f.local('i32');
  const [half, ...x] = f.locals('v128', 1 + accumulators);
  f.emit(set(half, f32x4.splat(get(h))));
  x.forEach((local, i) => {
    f.emit(set(local, f32x4.const(i / 16)));
  });
  f.emit(
    repeat(
      counter,
      get(turns),
      x.map((local) => set(local, f32x4.add(f32x4.mul(get(local), get(half)), get(half)))),
    ),
  );
  f.emit(sumOf(x));
  return { build: f, work: accumulators * 8, h: 0.5, expected: () => accumulators }; // x · ½ + ½ tends to 1
}

function tile(R: number, C: number): Loop {
  const f = new FunctionBuilder(`tile_${R}_${C}`, ['f32']);
  const [turns, one] = [f.param('i32'), f.param('f32')];
  const counter = f.local('i32');
  const first = f.local('v128');
  const [a, b, s] = [f.locals('v128', R), f.locals('v128', C), f.locals('v128', R * C)];
  for (const operands of [a, b])
    operands.forEach((local, i) => {
      f.emit(set(local, f32x4.mul(f32x4.splat(get(one)), f32x4.const(i + 1))));
    });
  const multiplyAdd = (local: Local, i: number): ReturnType<typeof set> =>
    set(local, f32x4.add(get(local), f32x4.mul(get(a[Math.floor(i / C)]), get(b[i % C]))));
  const rotate = [
    set(first, get(b[0])),
    ...b.slice(1).map((local, c) => set(b[c], get(local))),
    set(b[C - 1], get(first)),
  ];
  f.emit(repeat(counter, get(turns), [s.map(multiplyAdd), rotate]));
  f.emit(sumOf(s));
  // n · Σa · Σb
  return { build: f, work: R * C * 8, h: 1, expected: (n) => n * ((R * (R + 1)) / 2) * ((C * (C + 1)) / 2) };
}

/** The best loop's rate on the calling thread, FLOP/s, a multiplication and an addition counted as two. */
export function ceilingHere(seconds = 0.4): number {
  const loops = [chain(12), chain(13), chain(14), tile(3, 2), tile(4, 2)];
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const module = new WebAssembly.Module(
    assemble(
      loops.map(({ build }) => build),
      { shared: false, minimum: 1, maximum: 1 },
    ),
  );
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<
    string,
    (turns: number, h: number) => number
  >;
  let best = 0;
  for (const { build, work, h, expected } of loops) {
    const run = kernels[build.name];
    const sum = run(TURNS, h);
    if (sum !== expected(TURNS))
      throw new Error(
        `ceiling: ${build.name} expected the sum ${expected(TURNS)}, got ${sum}; not timed, because it is wrong`,
      );
    const end = performance.now() + (1000 * seconds) / loops.length;
    do {
      const start = performance.now();
      run(TURNS, h);
      best = Math.max(best, (TURNS * work) / ((performance.now() - start) / 1000));
    } while (performance.now() < end);
  }
  return best;
}

/** The same on N threads at once, summed: cores that share something have less than a multiple of one. */
export async function ceiling(threads: number, seconds = 0.4): Promise<number> {
  if (threads === 1) return ceilingHere(seconds);
  const rates = await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise<number>((resolve, reject) => {
          new Worker(fileURLToPath(import.meta.url), { workerData: { ceiling: seconds } })
            .once('message', resolve)
            .once('error', reject);
        }),
    ),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}

if (!isMainThread) {
  const asked = (workerData as { ceiling?: number } | null)?.ceiling;
  if (asked !== undefined) parentPort?.postMessage(ceilingHere(asked));
}
