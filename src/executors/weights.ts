// Weights in the SIMD executor's memory: where they go, and how they get there from a file.

import { LAYOUTS, packStep, weightElements, type PlacedWeight, type WeightUse } from '../compiler/weights.ts';
import type { Step } from '../compiler/steps.ts';
import { FORM_BYTES } from '../ops/packing.simd.ts';
import { sizeOf } from '../ops/tensor.ts';
import { TILE } from '../ops/tiles.simd.ts';
import type { Machine } from '../wasm/machine.ts';
import type { Residency, WeightSource } from './executor.ts';

/** Bytes of parameters that are read before they are packed, while the ones before are being packed. */
const STAGING = 16 << 20;

export const roundUp = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Bytes of a parameter before it is narrowed, and what kernels read beyond it. */
const roomOf = (weight: PlacedWeight): number => roundUp(4 * weightElements(weight) + 64);

/**
 * Gives each parameter its place, from `from` on.
 * @param uses how each is used; the second and further ones of a parameter are stored beside the first
 */
export function placeWeights(
  source: WeightSource,
  uses: ReadonlyMap<string, WeightUse | readonly WeightUse[]>,
  residency: Residency,
  from: number,
): { placed: Map<string, PlacedWeight>; end: number } {
  let end = roundUp(from);
  const placed = new Map<string, PlacedWeight>();
  for (const [name, asked] of uses) {
    const { shape, dtype } = source.tensors.get(name)!;
    const each = [...new Set(typeof asked === 'string' ? [asked] : asked)];
    let weight: PlacedWeight | undefined;
    for (const use of each.reverse()) {
      const layout = LAYOUTS[use];
      const form = residency === 'half' && dtype === 'F16' && layout !== 'plain' ? 'f16' : 'f32';
      weight = { address: end, use, layout, shape, form, also: weight };
      end += roundUp(FORM_BYTES[form] * weightElements(weight) + 64);
    }
    if (weight !== undefined) placed.set(name, weight);
  }
  return { placed, end };
}

/** A parameter as it is stored for each of its uses. */
const eachUse = (weight: PlacedWeight): PlacedWeight[] =>
  weight.also === undefined ? [weight] : [weight, ...eachUse(weight.also)];

/**
 * Brings parameters to their places. Row-major ones are read there; the others are read to one of two areas, and while
 * they are packed by the threads, the other area is filled from the file.
 */
export class Staging {
  /** The first address after the areas. */
  readonly end: number;
  readonly #machine: Machine;
  readonly #run: (steps: readonly Step[], end: number) => Promise<void>;
  readonly #placed: ReadonlyMap<string, PlacedWeight>;
  readonly #begin: number;
  /** Bytes of an area: it has room for the largest parameter. */
  readonly #room: number;
  /** The steps that pack what has been read, the area it was read to, and how many bytes of it are filled. */
  #steps: Step[] = [];
  #area: 0 | 1 = 0;
  #filled = 0;
  /** Ends when the other area has been packed. */
  #packing: Promise<void> = Promise.resolve();

  /**
   * @param begin where the areas may be: two, and a third for parameters that are packed before they are narrowed
   * @param run computes steps; memory is free from `end` on
   */
  constructor(
    machine: Machine,
    placed: ReadonlyMap<string, PlacedWeight>,
    begin: number,
    run: (steps: readonly Step[], end: number) => Promise<void>,
  ) {
    this.#machine = machine;
    this.#placed = placed;
    this.#begin = begin;
    this.#run = run;
    const packed = [...placed.values()].flatMap(eachUse).filter(({ layout }) => layout !== 'plain');
    this.#room = packed.reduce((most, weight) => Math.max(most, roomOf(weight)), STAGING);
    this.end = begin + (packed.some(({ form }) => form === 'f16') ? 3 : 2) * this.#room;
  }

  /** Reads and packs all parameters. Memory must reach to `end`. */
  async fill(source: WeightSource): Promise<void> {
    for (const [name, weight] of this.#placed)
      for (const stored of eachUse(weight)) await this.#bring(source, name, stored);
    if (this.#steps.length > 0) await this.#pack();
    await this.#packing;
  }

  async #bring(source: WeightSource, name: string, weight: PlacedWeight): Promise<void> {
    if (weight.layout === 'plain') return this.#read(source, name, weight, weight.address);
    if (this.#filled + 4 * weightElements(weight) + 64 > this.#room) await this.#pack();
    const from = this.#begin + this.#area * this.#room + this.#filled;
    await this.#read(source, name, weight, from);
    const narrowed = this.#begin + 2 * this.#room + this.#filled;
    this.#steps.push(packStep(weight, from, weight.form === 'f16' ? narrowed : weight.address, TILE.MR));
    if (weight.form === 'f16')
      this.#steps.push({ kind: 'narrow', x: narrowed, y: weight.address, count: roundUp(weightElements(weight)) });
    this.#filled += roomOf(weight);
  }

  async #read(source: WeightSource, name: string, { shape }: PlacedWeight, at: number): Promise<void> {
    try {
      await source.read(name, this.#machine.f32.subarray(at / 4, at / 4 + sizeOf(shape)));
    } catch (error) {
      await this.#packing.catch(() => undefined); // its memory must not be used before
      throw error;
    }
  }

  /** Starts packing the filled area, and turns to the other. */
  async #pack(): Promise<void> {
    await this.#packing;
    this.#packing = this.#run(this.#steps, this.end);
    this.#packing.catch(() => undefined); // handled at the next await
    this.#steps = [];
    this.#area = this.#area === 0 ? 1 : 0;
    this.#filled = 0;
  }
}
