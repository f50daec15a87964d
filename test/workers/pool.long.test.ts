import { afterEach, describe, expect, test } from 'vitest';
import { poolThreads, retain, type GangLease } from '../../workers/pool.ts';
import { Mixing, SmallModel } from './small-model.ts';
import { SCHEDULED } from '../support/scheduled.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const shares: GangLease[] = [];
const share = (threads: number, model: SmallModel): GangLease => {
  const taken = retain(threads, model);
  shares.push(taken);
  return taken;
};

afterEach(async () => {
  await Promise.all(shares.splice(0).map((taken) => taken.release()));
  expect(poolThreads()).toHaveLength(0);
});

/** A program that waits until open() is called, and a list in which programs enter their numbers. */
function gated(model: SmallModel) {
  const [gate, list] = [model.allocate(4), model.allocate(4096)];
  return {
    gate: model.program([
      { kind: 'gate', address: gate },
      { kind: 'gate', address: gate },
    ]),
    log: (value: number) => model.program([{ kind: 'log', address: list, value }]),
    logged: () => [...model.words.slice(list / 4 + 1, list / 4 + 1 + model.words[list / 4])],
    open: () => {
      Atomics.store(model.words, gate / 4, 1);
      Atomics.notify(model.words, gate / 4);
    },
  };
}

describe('results', () => {
  test.for([1, 2, 3, 7])('%i threads get the result of plain loops over hundreds of barriers', async (threads) => {
    const model = new SmallModel();
    const taken = share(threads, model);
    const mixings = [
      { count: 1, rounds: 3 },
      { count: 5, rounds: 60 },
      { count: 1000, rounds: 100 },
    ].map((size) => new Mixing(model, size));
    for (let repeat = 0; repeat < 2; repeat += 1) {
      for (const mixing of mixings) {
        await taken.run(mixing.reset().program);
        expect(mixing.result).toEqual(mixing.expected);
      }
    }
  });

  test('these tests catch a step that reads what nobody has waited for', async () => {
    const model = new SmallModel();
    const mixing = new Mixing(model, { count: 1000, rounds: 2, delays: 20 });
    const taken = share(3, model);
    await taken.warm();
    const text = new TextDecoder().decode(
      new Uint8Array(model.memory.buffer).slice(
        mixing.program.address,
        mixing.program.address + mixing.program.byteLength,
      ),
    );
    const [first, second] = JSON.parse(text) as object[];
    // Both rounds in one step: no barrier between them.
    const broken = model.program([{ kind: 'both', steps: [first, second] }]);
    await taken.run((mixing.reset(), broken));
    expect(mixing.result).not.toEqual(mixing.expected);
  });

  test('every thread has its own instance of the kernels over the same memory', async () => {
    const model = new SmallModel();
    const address = model.allocate(64);
    const program = model.program(Array.from({ length: 10 }, () => ({ kind: 'kernel', address })));
    await share(3, model).run(program);
    expect([...model.words.slice(address / 4, address / 4 + 4)]).toEqual([10, 10, 10, 0]);
  });

  test('memory that has grown between runs is seen whole by every thread', async () => {
    const model = new SmallModel();
    const taken = share(3, model);
    for (let pages = 0; pages < 200; pages += 20) {
      const mixing = new Mixing(model, { count: 500, rounds: 6, seed: pages });
      await taken.run(mixing.reset().program);
      expect(mixing.result).toEqual(mixing.expected);
      model.allocate(20 * 65536);
    }
  });

  test('two hundred calls at once, by two models with two numbers of threads, all come out right', async () => {
    const models = [2, 3].map((threads) => {
      const model = new SmallModel();
      return {
        taken: share(threads, model),
        mixings: Array.from({ length: 100 }, (_, seed) => new Mixing(model, { count: 64, rounds: 10, seed })),
      };
    });
    await Promise.all(
      models.flatMap(({ taken, mixings }) => mixings.map((mixing) => taken.run(mixing.reset().program))),
    );
    for (const { mixings } of models) for (const mixing of mixings) expect(mixing.result).toEqual(mixing.expected);
  });
});

describe('threads', SCHEDULED, () => {
  test('start with the first run, are kept, and are shared by models of the same number of threads', async () => {
    const [a, b] = [new SmallModel(), new SmallModel()];
    const [first, second] = [share(2, a), share(2, b)];
    expect(poolThreads()).toHaveLength(0);
    await first.run(a.program([]));
    const threads = poolThreads();
    expect(threads).toHaveLength(2);
    await second.run(b.program([]));
    await first.run(a.program([]));
    expect(poolThreads()).toEqual(threads);
    await first.release();
    expect(poolThreads()).toEqual(threads);
    await second.release();
    expect(poolThreads()).toHaveLength(0);
  });

  test('can be started ahead of the first run', async () => {
    const model = new SmallModel();
    await share(2, model).warm();
    expect(poolThreads()).toHaveLength(2);
  });

  test('come back after the last model has let go', async () => {
    for (let round = 0; round < 3; round += 1) {
      const model = new SmallModel();
      const mixing = new Mixing(model, { count: 50, rounds: 5 });
      const taken = share(2, model);
      await taken.run(mixing.reset().program);
      expect(mixing.result).toEqual(mixing.expected);
      await taken.release();
    }
  });

  test('keep nothing of models that were closed, and only so many programs of those that live', async () => {
    const keeper = new SmallModel();
    const address = keeper.allocate(64);
    const kept = share(2, keeper);
    for (let round = 0; round < 20; round += 1) {
      const model = new SmallModel();
      const passing = retain(2, model);
      for (let i = 0; i < 5; i += 1) await passing.run(model.program([{ kind: 'busy', milliseconds: 0 }]));
      await passing.release();
    }
    for (let round = 0; round < 100; round += 1) await kept.run(keeper.program([{ kind: 'caches', address }]));
    expect([...keeper.words.slice(address / 4, address / 4 + 4)]).toEqual([1, 32, 1, 32]);
  });

  test('the event loop turns while they compute', async () => {
    const model = new SmallModel();
    const run = share(2, model).run(model.program([{ kind: 'busy', milliseconds: 150 }]));
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 5);
    await run;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('queue', () => {
  test('calls of one model come one after the other, models in turn', async () => {
    // One list for both models: it lies in the memory of the first, and so do the second's programs.
    const model = new SmallModel();
    const { gate, log, logged, open } = gated(model);
    const [a, b, c] = [share(2, model), share(2, model), share(2, model)];
    const calls = [
      a.run(gate),
      ...[1, 2, 3, 4].map((n) => a.run(log(n))),
      ...[11, 12].map((n) => b.run(log(n))),
      c.run(log(21)),
    ];
    await pause(50);
    open();
    await Promise.all(calls);
    expect(logged()).toEqual([1, 11, 21, 2, 12, 3, 4]);
  });

  test('a hundred calls share one signal without a warning', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): void => {
      warnings.push(warning);
    };
    process.on('warning', listen);
    const model = new SmallModel();
    const taken = share(2, model);
    const { signal } = new AbortController();
    const program = model.program([{ kind: 'busy', milliseconds: 0 }]);
    await Promise.all(Array.from({ length: 100 }, () => taken.run(program, { signal })));
    await pause(10);
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });
});

describe('cancelling', SCHEDULED, () => {
  test('a call whose signal is already aborted never starts', async () => {
    const model = new SmallModel();
    const taken = share(2, model);
    await expect(taken.run(model.program([]), { signal: AbortSignal.abort('changed my mind') })).rejects.toBe(
      'changed my mind',
    );
    expect(poolThreads()).toHaveLength(0);
  });

  test('a waiting call is rejected at once and does not run', async () => {
    const model = new SmallModel();
    const { gate, log, logged, open } = gated(model);
    const taken = share(2, model);
    const controller = new AbortController();
    const first = taken.run(gate);
    const waiting = taken.run(log(1), { signal: controller.signal });
    const last = taken.run(log(2));
    await pause(30);
    controller.abort(new Error('stop'));
    await expect(waiting).rejects.toThrow('stop');
    open();
    await Promise.all([first, last]);
    expect(logged()).toEqual([2]);
  });

  test('a running call leaves at the next step; the threads live on and the next call is right', async () => {
    const model = new SmallModel();
    const taken = share(2, model);
    const mixing = new Mixing(model, { count: 100, rounds: 50 });
    await taken.run(mixing.reset().program);
    const threads = poolThreads();
    const long = model.program(Array.from({ length: 1000 }, () => ({ kind: 'busy', milliseconds: 10 })));
    for (const reason of [new Error('first'), new Error('second'), new Error('third')]) {
      const controller = new AbortController();
      const run = taken.run(long, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 40);
      const start = performance.now();
      await expect(run).rejects.toBe(reason);
      expect(performance.now() - start).toBeLessThan(2000);
      await taken.run(mixing.reset().program);
      expect(mixing.result).toEqual(mixing.expected);
    }
    expect(poolThreads()).toEqual(threads);
  });

  test('a call cancelled while its threads start is rejected', async () => {
    const model = new SmallModel();
    const taken = share(2, model);
    const controller = new AbortController();
    const run = taken.run(model.program([{ kind: 'busy', milliseconds: 5 }]), { signal: controller.signal });
    controller.abort(new Error('too slow'));
    await expect(run).rejects.toThrow('too slow');
    await taken.run(model.program([]));
  });

  test('a signal aborted after the end changes nothing', async () => {
    const model = new SmallModel();
    const taken = share(2, model);
    const controller = new AbortController();
    await taken.run(model.program([]), { signal: controller.signal });
    controller.abort();
    await taken.run(model.program([]));
  });
});

describe('letting go', SCHEDULED, () => {
  test('waits for the calls already made, once and for all, and refuses new ones', async () => {
    const model = new SmallModel();
    const { gate, log, logged, open } = gated(model);
    const taken = share(2, model);
    const calls = [taken.run(gate), taken.run(log(1)), taken.run(log(2))];
    await pause(30);
    let gone = false;
    const release = taken.release().then(() => {
      gone = true;
    });
    await expect(taken.run(log(3))).rejects.toThrow('closed');
    await pause(30);
    expect(gone).toBe(false);
    open();
    await Promise.all([...calls, release, taken.release(), taken.release()]);
    expect(logged()).toEqual([1, 2]);
    expect(poolThreads()).toHaveLength(0);
  });

  test('many models that let go at once leave no thread behind', async () => {
    for (let round = 0; round < 5; round += 1) {
      const models = Array.from({ length: 6 }, () => new SmallModel());
      const taken = models.map((model) => retain(2, model));
      const runs = taken.slice(round).map((one, i) => one.run(models[round + i].program([])));
      if (round % 2 === 0) await Promise.all(runs);
      await Promise.all(taken.map((one) => one.release()));
      await Promise.all(runs);
      expect(poolThreads()).toHaveLength(0);
    }
  });

  test('a model that never ran lets go of nothing', async () => {
    await retain(2, new SmallModel()).release();
    expect(poolThreads()).toHaveLength(0);
  });

  test('a model that comes while the threads end gets threads of its own', async () => {
    const [a, b] = [new SmallModel(), new SmallModel()];
    const first = retain(2, a);
    await first.run(a.program([]));
    const release = first.release();
    const second = share(2, b);
    await Promise.all([release, second.run(b.program([]))]);
    await second.run(b.program([]));
    expect(poolThreads()).toHaveLength(2);
  });
});

describe('misuse', () => {
  test.for([0, -1, 1.5, Number.NaN, '2'])('"threads" %s is refused', (threads) => {
    expect(() => retain(threads as number, new SmallModel())).toThrow(RangeError);
  });

  test('memory that is not shared is refused with the remedy', () => {
    const model = { module: new SmallModel().module, memory: new WebAssembly.Memory({ initial: 1 }) };
    expect(() => retain(2, model)).toThrow(/shared: true/);
  });
});
