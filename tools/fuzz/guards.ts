// What watches from inside: every allocation of binary memory is added up, every path that is opened for writing or
// removed is looked at. Installed before anything of the project is imported. (Memory of JavaScript objects is seen by
// the heap's growth, child.ts.)

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';

export const allocated = { bytes: 0 };

/** Paths outside the permitted folder that were to be written. */
export const outside: string[] = [];

function count(bytes: unknown): void {
  if (typeof bytes === 'number' && bytes > 0) allocated.bytes += bytes;
}

type Constructor = new (...args: unknown[]) => object;

function counting(name: string, bytesOf: (argument: unknown) => unknown): void {
  const original = (globalThis as Record<string, unknown>)[name] as Constructor;
  const wrapped = function wrapped(this: unknown, ...args: unknown[]): object {
    count(bytesOf(args[0]));
    return Reflect.construct(
      original,
      args,
      new.target === undefined || new.target === (wrapped as unknown) ? original : new.target,
    ) as object;
  };
  Object.setPrototypeOf(wrapped, original); // static members
  wrapped.prototype = original.prototype as object; // instanceof
  (globalThis as Record<string, unknown>)[name] = wrapped;
}

function watchMemory(): void {
  for (const name of ['ArrayBuffer', 'SharedArrayBuffer']) counting(name, (bytes) => bytes);
  for (const name of [
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float32Array',
    'Float64Array',
    'BigInt64Array',
    'BigUint64Array',
  ]) {
    const size = ((globalThis as Record<string, unknown>)[name] as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
    counting(name, (length) =>
      typeof length === 'number'
        ? length * size
        : Array.isArray(length) || (ArrayBuffer.isView(length) && 'length' in length)
          ? (length as { length: number }).length * size
          : 0,
    );
  }
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name] as (...args: unknown[]) => Buffer;
    (Buffer as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
      count(args[0]);
      return original.apply(Buffer, args);
    };
  }
  const { prototype } = (
    globalThis as unknown as { WebAssembly: { Memory: { prototype: { grow(pages: number): number } } } }
  ).WebAssembly.Memory;
  const grow = prototype.grow;
  prototype.grow = function grown(pages: number) {
    count(pages * 65536);
    return grow.call(this, pages);
  };
}

/** Functions whose first argument (or second) is a path that they change. */
const WRITERS: Readonly<Record<string, readonly number[]>> = {
  writeFile: [0],
  appendFile: [0],
  mkdir: [0],
  mkdtemp: [0],
  rename: [0, 1],
  copyFile: [1],
  cp: [1],
  link: [1],
  symlink: [1],
  truncate: [0],
  rm: [0],
  rmdir: [0],
  unlink: [0],
  chmod: [0],
  utimes: [0],
  createWriteStream: [0],
};

function watchFiles(permitted: () => string): void {
  const look = (path: unknown): void => {
    if (typeof path !== 'string' && !(path instanceof URL) && !Buffer.isBuffer(path)) return;
    const full = resolve(path instanceof URL ? path.pathname : String(path));
    if (full !== permitted() && !full.startsWith(`${permitted()}/`)) outside.push(full);
  };
  const watch = (object: Record<string, unknown>, name: string, places: readonly number[], isOpen: boolean): void => {
    const original = object[name] as ((...args: unknown[]) => unknown) | undefined;
    if (original === undefined) return;
    object[name] = (...args: unknown[]) => {
      const flags = args[1];
      const reads =
        isOpen &&
        (flags === undefined ||
          typeof flags === 'function' ||
          flags === 'r' ||
          flags === 'rs' ||
          flags === fs.constants.O_RDONLY);
      if (!reads) for (const place of places) look(args[place]);
      return original.apply(object, args);
    };
  };
  for (const object of [fs, fs.promises] as unknown as Record<string, unknown>[]) {
    for (const ending of ['', 'Sync']) {
      watch(object, `open${ending}`, [0], true);
      for (const [name, places] of Object.entries(WRITERS)) watch(object, name + ending, places, false);
    }
  }
  syncBuiltinESMExports();
}

/** @param permitted the folder that may be written */
export function installGuards(permitted: () => string): void {
  watchMemory();
  watchFiles(permitted);
}
