// Reads Python pickles, protocols 0 to 5, as data. Nothing is executed: a global is a name that the owner allows or
// refuses, a call is recorded or answered by the owner. One loop over the opcodes and two explicit stacks: nesting
// costs no JavaScript stack.
// Opcodes: CPython, Lib/pickletools.py. Left out, with an error: extension registry (EXT1-4) and out-of-band buffers.

import { limits } from '../limits.ts';
import { PickleReader } from './pickle-reader.ts';
import { isGlobal, isRecord, type PickleGlobal, type PickleRecord, type PickleValue } from './pickle-values.ts';

export interface PickleHooks {
  /** @throws Error if the global is not on the allow-list */
  global(module: string, name: string): PickleGlobal;
  /** A call of an allowed global: the value for it. */
  call(target: PickleGlobal, args: readonly PickleValue[]): PickleValue;
  /** The object that a persistent id stands for. */
  persistent(id: PickleValue): PickleValue;
}

/** Nested marks; PyTorch's files need about six. */
const MAX_MARKS = 1000;

/**
 * Reads one pickle.
 * @param what names it in messages
 * @returns the value, and the position after the pickle's end
 * @throws PickleEnd if the bytes end before the pickle does; Error for any pickle that is not valid or not allowed
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  what: string,
  hooks: PickleHooks,
): { value: PickleValue; end: number } {
  const reader = new PickleReader(bytes, start, what);
  const value = new Unpickler(reader, hooks).run();
  return { value, end: reader.position };
}

class Unpickler {
  readonly #reader: PickleReader;
  readonly #hooks: PickleHooks;
  readonly #memo = new Map<number, PickleValue>();
  #stack: PickleValue[] = [];
  readonly #marks: PickleValue[][] = [];
  #entries = 0;
  /** Entries of the memo, and values altogether. */
  readonly #most = limits().pickleValues;

  constructor(reader: PickleReader, hooks: PickleHooks) {
    this.#reader = reader;
    this.#hooks = hooks;
  }

  run(): PickleValue {
    for (;;) {
      const opcode = this.#reader.byte();
      if (opcode === 0x2e /* STOP */) {
        const value = this.#pop();
        if (this.#stack.length > 0 || this.#marks.length > 0)
          throw this.#reader.damaged('values are left over at its end');
        return value;
      }
      this.#step(opcode);
    }
  }

  #step(opcode: number): void {
    const reader = this.#reader;
    switch (opcode) {
      // [1] protocol and framing: lengths only
      case 0x80: {
        const protocol = reader.byte();
        if (protocol > 5) throw reader.damaged(`it has protocol ${protocol}, later than 5`);
        return;
      }
      case 0x95:
        reader.skipFrame();
        return;
      // [2] constants
      case 0x4e:
        return this.#push(null);
      case 0x88:
        return this.#push(true);
      case 0x89:
        return this.#push(false);
      case 0x49:
        return this.#push(reader.textInteger());
      case 0x4c:
        return this.#push(reader.textLong());
      case 0x46:
        return this.#push(reader.textFloat());
      case 0x4a:
        return this.#push(reader.int32());
      case 0x4b:
        return this.#push(reader.byte());
      case 0x4d:
        return this.#push(reader.uint16());
      case 0x47:
        return this.#push(reader.float64());
      case 0x8a:
        return this.#push(reader.long(reader.byte()));
      case 0x8b:
        return this.#push(reader.long(reader.uint32()));
      case 0x53:
        return this.#push(reader.quotedString());
      case 0x56:
        return this.#push(reader.textUnicode());
      case 0x58:
        return this.#push(reader.utf8(reader.uint32()));
      case 0x8c:
        return this.#push(reader.utf8(reader.byte()));
      case 0x8d:
        return this.#push(reader.utf8(reader.uint64()));
      case 0x54:
        return this.#push(reader.latin1(reader.uint32()));
      case 0x55:
        return this.#push(reader.latin1(reader.byte()));
      case 0x42:
        return this.#push(reader.take(reader.uint32()));
      case 0x43:
        return this.#push(reader.take(reader.byte()));
      case 0x8e:
      case 0x96:
        return this.#push(reader.take(reader.uint64()));
      // [3] containers
      case 0x28:
        this.#mark();
        return;
      case 0x29:
      case 0x5d:
      case 0x8f:
        return this.#push([]);
      case 0x7d:
        return this.#push(new Map());
      case 0x74:
      case 0x6c:
      case 0x91:
        return this.#push(this.#popMark());
      case 0x85:
        return this.#push([this.#pop()]);
      case 0x86: {
        const b = this.#pop(),
          a = this.#pop();
        return this.#push([a, b]);
      }
      case 0x87: {
        const c = this.#pop(),
          b = this.#pop(),
          a = this.#pop();
        return this.#push([a, b, c]);
      }
      case 0x64: {
        const pairs = this.#popMark();
        this.#push(new Map());
        return this.#setItems(pairs);
      }
      case 0x61:
        return this.#append([this.#pop()]);
      case 0x65:
      case 0x90:
        return this.#append(this.#popMark());
      case 0x73: {
        const value = this.#pop(),
          key = this.#pop();
        return this.#setItems([key, value]);
      }
      case 0x75:
        return this.#setItems(this.#popMark());
      // [4] stack and memo
      case 0x30:
        if (this.#stack.length > 0) this.#stack.pop();
        else this.#popMark();
        return;
      case 0x31:
        this.#popMark();
        return;
      case 0x32:
        return this.#push(this.#top());
      case 0x70:
        return this.#put(reader.textIndex());
      case 0x71:
        return this.#put(reader.byte());
      case 0x72:
        return this.#put(reader.uint32());
      case 0x94:
        return this.#put(this.#memo.size);
      case 0x67:
        return this.#get(reader.textIndex());
      case 0x68:
        return this.#get(reader.byte());
      case 0x6a:
        return this.#get(reader.uint32());
      // [5] globals and calls: names and records
      case 0x63: {
        const module = reader.line(),
          name = reader.line();
        return this.#push(this.#hooks.global(module, name));
      }
      case 0x93: {
        const name = this.#pop(),
          module = this.#pop();
        return this.#push(this.#globalOf(module, name));
      }
      case 0x52:
      case 0x81: {
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case 0x92: {
        const keywords = this.#pop(),
          args = this.#pop();
        return this.#call(this.#pop(), [...this.#array(args), keywords]);
      }
      case 0x69: {
        const module = reader.line(),
          name = reader.line();
        return this.#call(this.#hooks.global(module, name), this.#popMark());
      }
      case 0x6f: {
        const [target, ...args] = this.#popMark();
        return this.#call(target, args);
      }
      case 0x62: {
        const state = this.#pop();
        return this.#build(state);
      }
      case 0x50:
        return this.#push(this.#hooks.persistent(reader.line()));
      case 0x51:
        return this.#push(this.#hooks.persistent(this.#pop()));
      default:
        throw reader.damaged(`opcode 0x${opcode.toString(16).padStart(2, '0')} is unknown or not supported`);
    }
  }

  #push(value: PickleValue): void {
    if (++this.#entries > this.#most)
      throw this.#reader.damaged(`it has more than ${this.#most} values (CLIP_ORACLE_LIMITS=pickleValues=…)`);
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    if (this.#stack.length === 0) throw this.#reader.damaged('it takes a value from an empty stack');
    return this.#stack.pop()!;
  }

  #top(): PickleValue {
    if (this.#stack.length === 0) throw this.#reader.damaged('it takes a value from an empty stack');
    return this.#stack[this.#stack.length - 1];
  }

  #mark(): void {
    if (this.#marks.length >= MAX_MARKS) throw this.#reader.damaged(`it is nested more than ${MAX_MARKS} deep`);
    this.#marks.push(this.#stack);
    this.#stack = [];
  }

  #popMark(): PickleValue[] {
    const outer = this.#marks.pop();
    if (outer === undefined) throw this.#reader.damaged('a mark is missing');
    const items = this.#stack;
    this.#stack = outer;
    return items;
  }

  #put(index: number): void {
    if (this.#memo.size >= this.#most)
      throw this.#reader.damaged(`it has more than ${this.#most} memo entries (CLIP_ORACLE_LIMITS=pickleValues=…)`);
    this.#memo.set(index, this.#top());
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#reader.damaged(`memo entry ${index} does not exist`);
    this.#push(value);
  }

  #array(value: PickleValue | undefined): PickleValue[] {
    if (!Array.isArray(value)) throw this.#reader.damaged('a call has no tuple of arguments');
    return value;
  }

  #globalOf(module: PickleValue, name: PickleValue): PickleGlobal {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.#reader.damaged('a global is not named by strings');
    return this.#hooks.global(module, name);
  }

  #call(target: PickleValue | undefined, args: PickleValue): void {
    if (target === undefined || !isGlobal(target))
      throw this.#reader.damaged('it calls something that is not a global');
    this.#push(this.#hooks.call(target, this.#array(args)));
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    if (Array.isArray(list)) for (const item of items) list.push(item);
    else if (isRecord(list)) for (const item of items) list.items.set(list.items.size, item);
    else throw this.#reader.damaged('it appends to something that is not a list');
  }

  #setItems(pairs: PickleValue[]): void {
    const top = this.#top();
    const map = top instanceof Map ? top : isRecord(top) ? top.items : null;
    if (map === null || pairs.length % 2 !== 0)
      throw this.#reader.damaged('it sets items of something that is not a dictionary');
    for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i], pairs[i + 1]);
  }

  /**
   * Attributes of a record. State of anything else (an OrderedDict's `_metadata`, a parameter's hooks) carries no
   * weights.
   */
  #build(state: PickleValue): void {
    const target = this.#top();
    if (isRecord(target)) (target satisfies PickleRecord).state = state;
  }
}
