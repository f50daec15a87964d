// Every binary32 there is, 2^32 of them, through the SIMD kernels whose method is not the plain one (exp, quickGelu)
// and those that are (sigmoid, erf, gelu):
// the bits of the plain cores. About four minutes. softmax's exponential is exp's block.

import { expect, test } from 'vitest';
import { erfCore32 } from '../../src/ops/erf-core.ts';
import { expCore } from '../../src/ops/exp-core.ts';
import { kernels, runStep } from '../../src/compiler/steps.ts';
import { TILE } from '../../src/ops/tiles.simd.ts';
import { compile, instantiate } from '../../src/wasm/machine.ts';
import { TABLES_BYTES, writeTables } from '../../src/ops/tables.simd.ts';
import { sigmoidCore32 } from '../../src/ops/sigmoid.ts';
import { withBits } from '../support/bits.ts';

const CHUNK = 1 << 20;

const PLAIN = {
  exp: expCore,
  quickGelu: (x: number): number => x / (1 + expCore(-1.702 * x)),
  sigmoid: sigmoidCore32,
  erf: erfCore32,
  gelu: (x: number): number => 0.5 * x * (1 + erfCore32(x * 0.7071067811865476)),
};

test.each(Object.keys(PLAIN) as (keyof typeof PLAIN)[])('%s of every binary32', (kind) => {
  const tables = 1024;
  const x = (tables + TABLES_BYTES + 63) & ~63;
  const y = x + 4 * CHUNK;
  const machine = instantiate(compile(kernels(TILE), false), new WebAssembly.Memory({ initial: 160, maximum: 65536 }));
  writeTables(machine, tables);
  const inputs = new Uint32Array(machine.memory.buffer, x, CHUNK);
  const [from, to] = [
    new Float32Array(machine.memory.buffer, x, CHUNK),
    new Float32Array(machine.memory.buffer, y, CHUNK),
  ];
  const core = PLAIN[kind];
  let different = 0;
  let first = '';
  for (let start = 0; start < 2 ** 32; start += CHUNK) {
    for (let i = 0; i < CHUNK; i++) inputs[i] = start + i;
    runStep({ kind, x, y, count: CHUNK, tables }, machine, 0, 1);
    for (let i = 0; i < CHUNK; i++) {
      const expected = Math.fround(core(from[i]));
      if (Object.is(to[i], expected)) continue;
      if (different++ === 0)
        first = `${kind}(${withBits(from[i], from)}): expected ${withBits(expected, from)}, got ${withBits(to[i], to)}`;
    }
  }
  expect(`${different} differ ${first}`).toBe('0 differ ');
});
