// The pinned hashes (fixtures/conformance/hashes.json), and the verdict on a result by them.

import { PATHS, type Path } from './program/paths.ts';
import type { Result } from './program/run.ts';

/**
 * One hash that all paths of a precision must give, and the first digits of its parts' own, in order, separated by
 * spaces.
 */
export interface Pin {
  readonly hash: string;
  readonly parts: string;
}

/** By what they are of: "tiny-rn float32", "dots float64", "sweep exp 257". */
export type Pins = Readonly<Record<string, Pin>>;

/** Fewer than a result has, to keep the file small: they only name what differs, the verdict is the whole hash's. */
const PINNED_DIGITS = 4;

export interface Verdict {
  /** What it is of and the path: "tiny-rn simd". */
  readonly key: string;
  /** The pin that it was held against. */
  readonly pin: string;
  readonly path: Path;
  readonly verdict: 'same' | 'different' | 'not pinned';
  /** Of what differs: the name of the first part that does, where one can be told, and how many do. */
  readonly first: string | null;
  readonly count: number;
}

/** Splits a result's key into what it is of and the path. */
export function pathOf(key: string): { of: string; path: Path } {
  const at = key.lastIndexOf(' ');
  const path = PATHS.find(({ name }) => name === key.slice(at + 1));
  if (path === undefined)
    throw new RangeError(
      `conformance: expected a key that ends with a path (${PATHS.map(({ name }) => name).join(', ')}), got "${key}"`,
    );
  return { of: key.slice(0, at), path };
}

/** The name of the pin for a key: paths of one precision share it, sweeps of one step. */
export function pinOf(key: string, sweep: number): { pin: string; path: Path } {
  const { of, path } = pathOf(key);
  return { pin: of.startsWith('sweep ') ? `${of} ${sweep}` : `${of} ${path.precision}`, path };
}

/** Holds every hash of a result against the pinned one. */
export function judge({ hashes, parts, options }: Pick<Result, 'hashes' | 'parts' | 'options'>, pins: Pins): Verdict[] {
  return Object.entries(hashes).map(([key, hash]) => {
    const { pin, path } = pinOf(key, options.sweep);
    const pinned = pins[pin];
    if (pinned === undefined) return { key, pin, path, verdict: 'not pinned', first: null, count: 0 };
    if (pinned.hash === hash) return { key, pin, path, verdict: 'same', first: null, count: 0 };
    return { key, pin, path, verdict: 'different', ...differences(parts[key] ?? {}, pinned.parts.split(' ')) };
  });
}

/** Parts are compared in order. A different number of them is a difference after the last common one. */
function differences(
  parts: Readonly<Record<string, string>>,
  pinned: readonly string[],
): { first: string | null; count: number } {
  const names = Object.keys(parts);
  const wrong = names.filter((name, i) => pinned[i] === undefined || !parts[name].startsWith(pinned[i]));
  const absent = Math.max(0, pinned.length - names.length);
  if (wrong.length > 0) return { first: wrong[0], count: wrong.length + absent };
  return { first: absent > 0 ? `what follows ${names[names.length - 1] ?? 'nothing'}` : null, count: absent };
}

/**
 * Pins made of a result.
 * @throws Error unless plain and SIMD loops both computed each of them, and all paths of a precision agree
 */
export function pinsOf({ hashes, parts, options }: Pick<Result, 'hashes' | 'parts' | 'options'>): Pins {
  const pins: Record<string, Pin> = {};
  const executors = new Map<string, Set<string>>();
  for (const [key, hash] of Object.entries(hashes)) {
    const { pin, path } = pinOf(key, options.sweep);
    if (pins[pin] !== undefined && pins[pin].hash !== hash) {
      throw new Error(
        `--pin: expected the same hash for "${pin}" on every path, "${key}" gives another than the path ` +
          'before; find the cause first',
      );
    }
    pins[pin] = {
      hash,
      parts: Object.values(parts[key])
        .map((digits) => digits.slice(0, PINNED_DIGITS))
        .join(' '),
    };
    executors.set(pin, (executors.get(pin) ?? new Set()).add(path.executor));
  }
  for (const [pin, which] of executors) {
    if (which.size < 2)
      throw new Error(
        `--pin: expected "${pin}" by plain loops and by SIMD, which must agree, got ${[...which].join()} ` +
          'alone; run all paths',
      );
  }
  return pins;
}
