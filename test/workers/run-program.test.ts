import { describe, expect, test } from 'vitest';
import { compile, instantiate } from '../../src/wasm/machine.ts';
import { abort, Barrier, BARRIER_WORDS, Released } from '../../workers/barrier.ts';
import { readProgram, runProgram, type AnyStep } from '../../workers/run-program.ts';

const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
const machine = instantiate(compile([], true), memory);
const alone = (): Barrier => new Barrier(new Int32Array(BARRIER_WORDS), 1, 0);

describe('runProgram', () => {
  test('runs all steps in order on the calling thread when there is one part', () => {
    const seen: string[] = [];
    const steps = ['a', 'b', 'c'].map((kind) => ({ kind }));
    runProgram(
      steps,
      (step, given, part, parts) => {
        expect([given, part, parts]).toEqual([machine, 0, 1]);
        seen.push(step.kind);
      },
      machine,
      0,
      alone(),
    );
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  test('names the step that failed and keeps the cause', () => {
    const planted = new RangeError('planted');
    const run = (): void =>
      runProgram(
        [{ kind: 'relu' }, { kind: 'conv2d' }],
        (step) => {
          if (step.kind === 'conv2d') throw planted;
        },
        machine,
        0,
        alone(),
      );
    expect(run).toThrow(expect.objectContaining({ message: 'step 2 of 2 (conv2d): planted', cause: planted }) as Error);
  });

  test('leaves at the next barrier when the abort flag is set', () => {
    const words = new Int32Array(BARRIER_WORDS);
    const seen: string[] = [];
    const run = (): void =>
      runProgram(
        [{ kind: 'a' }, { kind: 'b' }],
        (step) => {
          seen.push(step.kind);
          abort(words);
        },
        machine,
        0,
        new Barrier(words, 1, 0),
      );
    expect(run).toThrow(Released);
    expect(seen).toEqual(['a']);
  });

  test('an empty program does nothing', () => {
    runProgram(
      [],
      () => {
        throw new Error('no step expected');
      },
      machine,
      0,
      alone(),
    );
  });
});

describe('readProgram', () => {
  test('reads UTF-8 JSON at any address', () => {
    const steps: AnyStep[] = [{ kind: 'größe 図 👍', address: 4294967295 } as AnyStep, { kind: 'b' }];
    const text = new TextEncoder().encode(JSON.stringify(steps));
    new Uint8Array(memory.buffer).set(text, 1003);
    expect(readProgram(memory, 1003, text.length)).toEqual(steps);
  });
});
