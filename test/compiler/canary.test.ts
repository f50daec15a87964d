// The canary lets right kernels pass and refuses kernels that break a rule.

import { describe, expect, test, vi } from 'vitest';
import { checkKernels, checkMachine } from '../../src/compiler/canary.ts';
import { compile, instantiate, type Machine } from '../../src/wasm/machine.ts';
import { kernels } from '../../src/compiler/steps.ts';
import { writeTables } from '../../src/ops/tables.simd.ts';

const tile = { MR: 4, unroll: 1 };

test.each([true, false])('the real kernels pass, in shared memory: %s', (shared) => {
  expect(() => checkKernels(compile(kernels(tile), shared), shared)).not.toThrow();
});

describe('planted faults are refused', () => {
  type Wrong = (machine: Machine) => Partial<Record<string, (...args: number[]) => number>>;
  const each = (machine: Machine, y: number, count: number, f: (value: number) => number): number => {
    for (let i = 0; i < count; i++) machine.f32[y / 4 + i] = f(machine.f32[y / 4 + i]);
    return 0;
  };
  const faults: [string, Wrong, RegExp][] = [
    [
      'subnormals flushed to zero',
      (machine) => ({
        scale: (x, y, count, factor) => {
          machine.kernels.scale(x, y, count, factor);
          return each(machine, y, count, (value) => (Math.abs(value) < 1.1754943508222875e-38 ? 0 : value));
        },
      }),
      /flushes subnormal/,
    ],
    [
      'fused multiply-add',
      (machine) => ({
        gemm_1x8: (a, _n, _s, b, _p, _t, c, _l, kc, first) => {
          let s = 0;
          for (let k = 0; k < kc; k++) s = Math.fround(s + machine.f32[a / 4 + k] * machine.f32[b / 4 + 8 * k]);
          machine.f32[c / 4] = first === 1 ? s : machine.f32[c / 4] + s;
          return 0;
        },
      }),
      /fuses/,
    ],
    [
      'blocks that overwrite',
      (machine) => ({
        gemm_1x8: (...args) => machine.kernels.gemm_1x8(...args.slice(0, 9), 1),
      }),
      /does not sum/,
    ],
    [
      'float64 blocks that overwrite',
      (machine) => ({
        gemm64_1x8: (...args) => machine.kernels.gemm64_1x8(...args.slice(0, 9), 1, 2),
      }),
      /does not sum in float64/,
    ],
    [
      'float64 through float32',
      (machine) => ({
        gemm64_1x8: (...args) => {
          machine.kernels.gemm64_1x8(...args);
          machine.f64[args[6] / 8] = Math.fround(machine.f64[args[6] / 8]);
          return 0;
        },
      }),
      /does not sum in float64/,
    ],
    [
      'an exponential one ulp off',
      (machine) => ({
        exp_4: (x, y, count, tables) => {
          machine.kernels.exp_4(x, y, count, tables);
          return each(machine, y, 7, (value) => value * (1 + 1.2e-7));
        },
      }),
      /exponential/,
    ],
  ];
  test.each(faults)('%s', (_, wrong, message) => {
    const machine = instantiate(
      compile(kernels(tile), true),
      new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true }),
    );
    writeTables(machine, 1024);
    const planted = {
      f32: machine.f32,
      f64: machine.f64,
      kernels: { ...machine.kernels, ...wrong(machine) } as Machine['kernels'],
    };
    expect(() => checkMachine(planted, 65536, 1024)).toThrow(message);
  });
});

test('a big-endian processor is refused for what it is, before anything is computed', () => {
  // On one, what a Float32Array wrote is read backwards as little-endian, and the other way round.
  const native = DataView.prototype.getFloat32;
  const spy = vi.spyOn(DataView.prototype, 'getFloat32').mockImplementation(function (this: DataView, at, little) {
    return native.call(this, at, little !== true);
  });
  try {
    expect(() => checkKernels(compile(kernels(tile), false), false)).toThrow(/big-endian.*executor reference/);
  } finally {
    spy.mockRestore();
  }
});
