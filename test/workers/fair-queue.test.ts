import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairQueue } from '../../workers/fair-queue.ts';

/** Takes everything out. */
function drain<Owner, Item>(queue: FairQueue<Owner, Item>): Item[] {
  const items: Item[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
}

const pushes = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 });
const filled = (owners: number[]): FairQueue<number, { owner: number; turn: number }> => {
  const queue = new FairQueue<number, { owner: number; turn: number }>();
  owners.forEach((owner, turn) => {
    queue.push(owner, { owner, turn });
  });
  return queue;
};

describe('FairQueue', () => {
  test('serves owners in turn', () => {
    const queue = new FairQueue<string, string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) queue.push(item[0], item);
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  test('an owner that comes late waits for one item of each other', () => {
    const queue = new FairQueue<string, string>();
    for (const item of ['a1', 'a2', 'a3', 'a4']) queue.push('a', item);
    expect(queue.shift()).toBe('a1');
    queue.push('b', 'b1');
    expect(drain(queue)).toEqual(['a2', 'b1', 'a3', 'a4']);
  });

  test('every item comes out once, in the order of its owner', () => {
    fc.assert(
      fc.property(pushes, (owners) => {
        const out = drain(filled(owners));
        for (const owner of [0, 1, 2, 3]) {
          expect(out.filter((item) => item.owner === owner).map((item) => item.turn)).toEqual(
            owners.flatMap((other, turn) => (other === owner ? [turn] : [])),
          );
        }
        expect(out).toHaveLength(owners.length);
      }),
    );
  });

  test('between two items of an owner every other waiting owner is served once', () => {
    fc.assert(
      fc.property(pushes, (owners) => {
        const out = drain(filled(owners)).map((item) => item.owner);
        out.forEach((owner, at) => {
          const next = out.indexOf(owner, at + 1);
          if (next < 0) return;
          const between = out.slice(at + 1, next);
          expect(new Set(between).size).toBe(between.length);
          for (const other of new Set(out.slice(next))) if (other !== owner) expect(between).toContain(other);
        });
      }),
    );
  });

  test('what is removed does not come out, and is removed only once', () => {
    fc.assert(
      fc.property(pushes, fc.nat(), (owners, choice) => {
        fc.pre(owners.length > 0);
        const queue = new FairQueue<number, number>();
        owners.forEach((owner, turn) => {
          queue.push(owner, turn);
        });
        const turn = choice % owners.length;
        expect(queue.remove(owners[turn], turn)).toBe(true);
        expect(queue.remove(owners[turn], turn)).toBe(false);
        expect(queue.size).toBe(owners.length - 1);
        expect(drain(queue)).not.toContain(turn);
        expect(queue.size).toBe(0);
      }),
    );
  });
});
