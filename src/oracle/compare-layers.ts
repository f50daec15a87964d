// The passes of verify: our float32, what the claim earns in emulation (unless it is float32), then the
// float64 truth, where every layer that the dump has is compared as it appears.

import type { CLIP } from '../clip/clip.ts';
import type { Tap } from '../layers/module.ts';
import type { Emulation } from '../graph/emulate.ts';
import type { Tensor } from '../ops/tensor.ts';
import { VARIANTS } from './claims.ts';
import { allowedRelRms, claimLimits, earned } from './emulated-error.ts';
import { FLOAT32_LIMITS, layerResult, misshapen, type Limits } from './layer-result.ts';
import { arranged, nearestLayout, type Layout } from './layout.ts';
import { Spill } from './spill.ts';
import type { Claim, LayerDetail, LayerResult } from './types.ts';
import type { Dump } from '../formats/dump/dump.ts';
import { tensorOf, valuesOf, type Values } from '../formats/values.ts';

export interface Comparison {
  readonly model: CLIP;
  readonly dump: Dump;
  /** (N,3,R,R) float32 */
  readonly image: Tensor;
  /** All modules' shapes, in the network's order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The dump's name of each module that it has. */
  readonly theirs: ReadonlyMap<string, string>;
  /** The layouts that each of those may have; empty where the module's output cannot have its shape. */
  readonly layouts: ReadonlyMap<string, readonly Layout[]>;
  /** What the backend is held to: what this precision earns in emulation, on this image. */
  readonly claim: Claim;
  /** relRms that each layer is allowed free-running, where it is known already: then nothing is emulated. */
  readonly tolerances?: ReadonlyMap<string, number>;
  /** Limits of rho that are given, instead of the claim's. */
  readonly limits?: (name: string) => Limits;
  readonly signal: AbortSignal | undefined;
}

export interface CompareOptions {
  /** Each layer is given the backend's own tensors where the dump has them. */
  teacherForced: boolean;
  /** The last module to compare. Default: the last that the dump has. */
  until?: string;
  onLayer?: (detail: LayerDetail) => void;
  onProgress?: (progress: { layer: string; done: number; total: number }) => void;
}

export interface Compared {
  readonly layers: LayerResult[];
  /** Sentences for the user about how the tensors were read. */
  readonly notes: string[];
  /**
   * What the dump has for a module, or for `image`, in PyTorch's layout (unchanged, where the module's output cannot
   * have its shape); null where it has nothing.
   */
  readonly backend: (name: string) => Values | null;
}

/** @throws Error if the dump cannot be read to its end; the signal's reason */
export async function compareLayers(comparison: Comparison, options: CompareOptions): Promise<Compared> {
  const { model, dump, image, theirs, shapes, claim, signal } = comparison;
  const { teacherForced, onLayer, onProgress } = options;
  const modules = [...shapes.keys()];
  const until = options.until ?? modules.filter((name) => theirs.has(name)).at(-1)!;
  const tolerances =
    comparison.limits !== undefined || claim === 'float32'
      ? new Map<string, number>()
      : teacherForced
        ? undefined
        : comparison.tolerances;
  const total = (2 + (tolerances === undefined ? VARIANTS[claim].length : 0)) * (modules.indexOf(until) + 1);
  const reader = new Reader(comparison);
  const spill = new Spill();
  const layers: LayerResult[] = [];
  let done = 0;
  const pass = async (
    precision: 'float32' | 'float64',
    each: (name: string, computed: Values) => Values | null,
    emulate?: Emulation,
  ): Promise<void> => {
    const tap: Tap = (name, output) => {
      signal?.throwIfAborted();
      onProgress?.({ layer: name, done: ++done, total });
      if (!theirs.has(name)) return;
      const backend = each(name, valuesOf(output));
      if (teacherForced && backend !== null) return tensorOf(inPrecision(backend, precision));
    };
    await model.encodeImage(image, { precision, signal, emulate, tap, until });
  };
  /** relRms allowed on this image, with the same tensors forced. */
  const earnedErrors = async (): Promise<ReadonlyMap<string, number>> => {
    const found = await earned(
      claim,
      (emulate, each) =>
        pass(
          'float32',
          (name, computed) => {
            each(name, computed);
            return teacherForced ? reader.read(name, computed) : null;
          },
          emulate,
        ),
      spill,
    );
    return new Map([...found].map(([name, distances]) => [name, allowedRelRms(distances)]));
  };
  try {
    await pass('float32', (name, computed) => {
      spill.add(name, computed);
      return teacherForced ? reader.read(name, computed) : null;
    });
    const allowed = tolerances ?? (await earnedErrors());
    const limitsOf = (name: string): Parameters<typeof layerResult>[4] =>
      comparison.limits?.(name) ??
      (claim === 'float32' ? FLOAT32_LIMITS : (measures) => claimLimits(allowed.get(name) ?? 0, measures));
    await pass('float64', (name, truth) => {
      const backend = reader.read(name, truth);
      const reference = spill.read(name);
      if (backend === null) {
        layers.push(
          misshapen(
            name,
            dump.tensors.get(theirs.get(name)!)!.shape,
            reference,
            truth,
            comparison.limits?.(name) ?? FLOAT32_LIMITS,
          ),
        );
        return null;
      }
      const result = layerResult(name, backend, reference, truth, limitsOf(name));
      layers.push(result);
      onLayer?.({ result, backend, reference, truth });
      return backend;
    });
  } finally {
    spill.close();
  }
  if (layers.length === 0) throw new Error(`"${dump.path}": no layer was compared`);
  return {
    layers,
    notes: reader.notes(),
    backend: (name) => (name === 'image' ? valuesOf(image) : reader.again(name)),
  };
}

/** What a pass can go on with: the layers compute in the element type of their input. */
function inPrecision({ shape, data }: Values, precision: 'float32' | 'float64'): Values {
  if (precision === 'float32') return { shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
  return { shape, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

/** The backend's tensors in PyTorch's layout. Where a shape allows several, the first pass decides. */
class Reader {
  readonly #comparison: Comparison;
  readonly #chosen = new Map<string, Layout>();

  constructor(comparison: Comparison) {
    this.#comparison = comparison;
  }

  /** null for a tensor whose shape the module's output cannot have. */
  read(name: string, computed: Values): Values | null {
    const { dump, theirs, layouts } = this.#comparison;
    const possible = layouts.get(name)!;
    if (possible.length === 0) return null;
    const stored = dump.read(theirs.get(name)!);
    let layout = this.#chosen.get(name);
    if (layout === undefined) {
      layout = possible.length === 1 ? possible[0] : nearestLayout(stored, computed, possible);
      this.#chosen.set(name, layout);
    }
    return arranged(stored, computed.shape, layout);
  }

  /** What was read before, or unchanged, if the module's output cannot have its shape. */
  again(name: string): Values | null {
    const { dump, theirs, shapes } = this.#comparison;
    const stored = theirs.get(name);
    if (stored === undefined) return null;
    const layout = this.#chosen.get(name);
    return layout === undefined ? dump.read(stored) : arranged(dump.read(stored), shapes.get(name)!, layout);
  }

  /** One for each layout other than PyTorch's that was chosen though the shapes allow PyTorch's too. */
  notes(): string[] {
    const { layouts, theirs, dump } = this.#comparison;
    const unusual = [...this.#chosen].filter(([name, layout]) => layouts.get(name)![0] !== layout);
    const labels = [...new Set(unusual.map(([, { label }]) => label))];
    return labels.map((label) => {
      const names = unusual.filter(([, layout]) => layout.label === label).map(([name]) => name);
      const possible = layouts
        .get(names[0])!
        .map((layout) => layout.label)
        .join(' or ');
      return (
        `read as ${label}, which is nearest, where the shape allows ${possible}: ${names[0]} ` +
        `(${dump.tensors.get(theirs.get(names[0])!)!.shape.join(', ')})` +
        (names.length > 1 ? ` and ${names.length - 1} more` : '')
      );
    });
  }
}
