import { afterEach, describe, expect, test } from 'vitest';
import { poolThreads, retain, type GangLease } from '../../workers/pool.ts';
import { Mixing, SmallModel } from './small-model.ts';
import { SCHEDULED } from '../support/scheduled.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

let share: GangLease;
let model: SmallModel;
let mixing: Mixing;
const begin = (threads: number): void => {
  model = new SmallModel();
  share = retain(threads, model);
  mixing = new Mixing(model, { count: 200, rounds: 60 });
};
const expectRight = async (): Promise<void> => {
  await share.run(mixing.reset().program);
  expect(mixing.result).toEqual(mixing.expected);
};
/** The mixing with a fault in the middle of it. */
const faulty = (what: string, part: number): Mixing =>
  new Mixing(model, { count: 200, rounds: 20, extra: [{ kind: 'fault', what, part }] });

afterEach(async () => {
  await share.release();
  expect(poolThreads()).toHaveLength(0);
});

describe('a part that throws', () => {
  test.for([
    [1, 'throw', 'Thread 1 of 1 failed: step 11 of 21 (fault): planted failure'],
    [2, 'throw', 'Thread 1 of 2 failed: step 11 of 21 (fault): planted failure'],
    [3, 'throw', 'Thread 1 of 3 failed: step 11 of 21 (fault): planted failure'],
    [2, 'throwNull', 'Thread 1 of 2 failed: step 11 of 21 (fault): null'],
    [2, 'throwUncloneable', 'Thread 1 of 2 failed: step 11 of 21 (fault): cannot be cloned'],
  ] as const)(
    '%i threads, %s: the call fails with the message, the next one works on the same threads',
    async ([threads, what, message]) => {
      begin(threads);
      await expectRight();
      const before = poolThreads();
      for (let repeat = 0; repeat < 3; repeat += 1) {
        await expect(share.run(faulty(what, 0).reset().program)).rejects.toThrow(message);
        await expectRight();
      }
      expect(poolThreads()).toEqual(before);
    },
  );

  test('the error carries the stack of the thread as its cause', async () => {
    begin(2);
    const error = (await share.run(faulty('throw', 1).program).catch((reason: unknown) => reason)) as Error;
    expect(error.cause).toBeInstanceOf(Error);
    expect((error.cause as Error).stack).toContain('run-program');
  });

  test('steps that cannot be loaded or read fail the call', async () => {
    begin(2);
    const missing = retain(2, { module: model.module, memory: model.memory, steps: 'file:///nowhere/steps.mjs' });
    await expect(missing.run(model.program([]))).rejects.toThrow('nowhere');
    await missing.release();
    const program = model.program([{ kind: 'busy' }]);
    await expect(share.run({ ...program, byteLength: 3 })).rejects.toThrow('JSON');
    await expectRight();
  });
});

describe('a thread that dies', SCHEDULED, () => {
  test.for([
    [1, 'exit', /Thread 1 of 1 exited .*exited with code: 7/],
    [2, 'exit', /Thread 1 of 2 exited .*exited with code: 7/],
    [3, 'exit', /Thread 1 of 3 exited .*exited with code: 7/],
  ] as const)('%i threads, %s: the call fails with the cause, the next one works', async ([threads, what, message]) => {
    begin(threads);
    await expectRight();
    for (let repeat = 0; repeat < 3; repeat += 1) {
      await expect(share.run(faulty(what, 0).reset().program)).rejects.toThrow(message);
      await expectRight();
      expect(poolThreads()).toHaveLength(threads);
    }
  });

  test('by terminate, in a loop without end', async () => {
    begin(2);
    await expectRight();
    const run = share.run(faulty('hang', 1).program);
    const failed = expect(run).rejects.toThrow(/exited during/);
    await pause(50);
    // Whichever of the two it is: the one that hangs must be ended for the run to end, the one that waits need not be.
    for (const thread of poolThreads()) void thread.terminate();
    await failed;
    await expectRight();
  });

  test('of an error that nobody was there to catch: no call hangs or is wrong', async () => {
    begin(2);
    for (let repeat = 0; repeat < 6; repeat += 1) {
      // The stray error may hit during this call, after it, or in the next one.
      const stray = faulty('uncaught', repeat % 2);
      await share.run(stray.reset().program).then(
        () => expect(stray.result).toEqual(stray.expected),
        (error: Error) => expect(error.message).toContain('exited during'),
      );
      await share.run(mixing.reset().program).catch((error: Error) => expect(error.message).toContain('exited during'));
      await expectRight();
    }
  });

  test('in the first step of its life', async () => {
    begin(3);
    await expect(share.run(model.program([{ kind: 'fault', what: 'exit', part: 2 }]))).rejects.toThrow(
      /Thread 3 of 3 exited/,
    );
    await expectRight();
  });

  test('while idle: the next call works, or fails and the one after it works', async () => {
    begin(3);
    await expectRight();
    for (let repeat = 0; repeat < 6; repeat += 1) {
      void poolThreads()[repeat % 3].terminate();
      await pause([0, 1, 3, 10, 30, 100][repeat]);
      await share.run(mixing.reset().program).catch((error: Error) => expect(error.message).toContain('exited during'));
      await expectRight();
    }
  });

  test('all of them, again and again, also those that have only just been started', async () => {
    begin(2);
    await expectRight();
    for (let repeat = 0; repeat < 10; repeat += 1) {
      const run = share.run(mixing.reset().program).then(
        () => 'right',
        (error: Error) => error.message,
      );
      for (let blow = 0; blow < 4; blow += 1) {
        for (const thread of poolThreads()) void thread.terminate();
        await pause(repeat * 3);
      }
      const outcome = await run;
      if (outcome === 'right') expect(mixing.result).toEqual(mixing.expected);
      else expect(outcome).toMatch(/exited during/);
      await share.run(mixing.reset().program).catch((error: Error) => expect(error.message).toContain('exited during'));
      await pause(60);
      await expectRight();
    }
  });

  test('does not hurt the calls that wait, nor the fair order of the queue', async () => {
    begin(2);
    const faultyCall = expect(share.run(faulty('exit', 1).program)).rejects.toThrow('exited during');
    const mixings = Array.from({ length: 20 }, (_, seed) => new Mixing(model, { count: 30, rounds: 4, seed }));
    await Promise.all(mixings.map((each) => share.run(each.reset().program)));
    for (const each of mixings) expect(each.result).toEqual(each.expected);
    await faultyCall;
  });

  test('while its model lets go', async () => {
    begin(2);
    const failed = expect(share.run(faulty('exit', 0).program)).rejects.toThrow('exited during');
    await share.release();
    await failed;
    expect(poolThreads()).toHaveLength(0);
  });

  test('and a cancelled call is rejected with the reason of the signal, though a thread died as well', async () => {
    begin(2);
    const controller = new AbortController();
    const run = expect(share.run(faulty('hang', 0).program, { signal: controller.signal })).rejects.toBe('enough');
    await pause(100);
    controller.abort('enough');
    await pause(10);
    const dying = poolThreads().map((thread) => thread.terminate());
    await run;
    // The call after a thread's death may only be counted on once the death has been heard of.
    await Promise.all(dying);
    await pause(100);
    await expectRight();
  });
});
