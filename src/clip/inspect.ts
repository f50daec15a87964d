// What is in a file of weights: for the command `inspect`, and for programs that want to know before loading.

import { stat } from 'node:fs/promises';
import type { Architecture } from './architecture.ts';
import { architectureFrom, checkParameters, modelNameFor } from './parameters.ts';
import { parameterCounts } from './sizes.ts';
import { readConfig } from './weights/config-beside.ts';
import { ELEMENT_BYTES, type DType } from '../formats/element-types.ts';
import { nonFinite } from '../formats/finite.ts';
import { NO_CONFIGURATION } from './weights/config.ts';
import { checkSizes, preprocessingOf, withoutRefused } from './weights/configured.ts';
import type { Preprocessing } from './image/preprocessing.ts';
import { findModel, namesOf } from './weights/layouts.ts';
import type { ModelTensor } from './weights/model-tensor.ts';
import { openTensorFile } from '../formats/open.ts';
import { readStored, type StoredTensor } from '../formats/stored-tensor.ts';
import { sizeOf } from '../ops/tensor.ts';
import { findHead, fitsModels } from './head.ts';

export interface InspectedTensor {
  /** OpenAI's name for the tensors of a model, else the file's own. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface Inspection {
  readonly path: string;
  /** Size of the file; of an index or a folder, null. */
  readonly fileBytes: number | null;
  readonly format: string;
  /** 'CLIP', 'head', or 'tensors' for anything else that could be read. */
  readonly kind: 'CLIP' | 'head' | 'tensors';
  /** For a CLIP: whose names it has. */
  readonly layout: string | null;
  readonly architecture: Architecture | null;
  /** The model that has this architecture, if it is one of ours. */
  readonly model: string | null;
  /** Why the text tower in the file cannot be used; null if it can, or if there is none. */
  readonly refusedText: string | null;
  /** Elements of the state dict per tower. */
  readonly parameters: { readonly vision: number; readonly text: number } | null;
  /** How a model's pixels are made, as the files beside the weights say. */
  readonly preprocessing: Preprocessing | null;
  readonly head: { readonly classes: number; readonly width: number; readonly fits: readonly string[] } | null;
  readonly tensors: readonly InspectedTensor[];
  /** Elements and bytes of all tensors listed. */
  readonly elements: number;
  readonly bytes: number;
  /** Names in the file that are no part of the model (optimizer, head). */
  readonly outside: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Why it could not be loaded as a model, and values that are not finite; empty if all is well. */
  readonly problems: readonly string[];
}

/**
 * Describes a file, folder or index of weights.
 * @param options.values also read every element and report NaN and infinities (true by default)
 * @throws Error in one sentence if it cannot be read at all
 */
export async function inspectFile(path: string, options: { values?: boolean } = {}): Promise<Inspection> {
  const raw = await openTensorFile(path);
  try {
    const stats = await stat(path);
    const problems: string[] = [];
    const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
    let tensors: ReadonlyMap<string, ModelTensor> = new Map(
      [...raw.tensors].map(([name, tensor]) => [name, { dtype: tensor.dtype, shape: tensor.shape, parts: [tensor] }]),
    );
    let kind: Inspection['kind'] = 'tensors';
    let preprocessing: Preprocessing | null = null;
    let layout: string | null = null,
      architecture: Architecture | null = null,
      outside: readonly string[] = [],
      head: Inspection['head'] = null;
    let metadata: Record<string, string> = { ...raw.metadata };
    let configuration = NO_CONFIGURATION;
    let misconfigured: string | null = null,
      refusedText: string | null = null;
    try {
      configuration = await readConfig(path, namesOf(raw.tensors));
      metadata = { ...metadata, ...configuration.metadata };
    } catch (error) {
      misconfigured = message(error);
    }
    try {
      const whole = findModel(raw.tensors, path, { modelType: metadata.model_type });
      const found = withoutRefused(configuration, undefined, whole);
      ({ tensors, layout, outside } = found);
      refusedText = found.refusedText ?? null;
      metadata = { ...raw.metadata, ...found.metadata, ...metadata };
      kind = 'CLIP';
      architecture = architectureFrom(tensors, metadata);
      checkParameters({ origin: path, tensors }, architecture);
      checkSizes(configuration, architecture);
      const { vision } = architecture;
      preprocessing = vision === null ? null : preprocessingOf(configuration, vision.resolution, false, path);
    } catch (error) {
      problems.push(message(error));
    }
    if (kind !== 'CLIP') {
      try {
        const { layers } = findHead(raw, path);
        const classes = layers.at(-1)!.weight.tensor.shape[0],
          width = layers[0].weight.tensor.shape[1];
        head = { classes, width, fits: fitsModels(width) };
        kind = 'head';
        problems.length = 0;
      } catch {
        // not a head either: the reason why it is not a model stands
      }
    }
    if (misconfigured !== null) problems.push(misconfigured);
    if (options.values !== false) problems.push(...(await brokenValues(tensors)));
    const listed = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    return {
      path,
      fileBytes: stats.isFile() ? stats.size : null,
      format: raw.format,
      kind,
      layout,
      architecture,
      model: architecture === null ? null : modelNameFor(architecture),
      parameters: architecture === null ? null : parameterCounts(architecture),
      preprocessing,
      head,
      tensors: listed,
      elements: listed.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      bytes: listed.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * ELEMENT_BYTES[dtype], 0),
      refusedText,
      outside,
      metadata,
      problems,
    };
  } finally {
    await raw.close();
  }
}

/** A view that repeats elements can claim any size; what is larger than this is not looked at. */
const MAX_CHECKED_ELEMENTS = 1 << 28;

async function brokenValues(tensors: ReadonlyMap<string, ModelTensor>): Promise<string[]> {
  const problems: string[] = [];
  let buffer = new Float32Array(0);
  const check = async (name: string, part: StoredTensor): Promise<void> => {
    const count = sizeOf(part.shape);
    if (count > MAX_CHECKED_ELEMENTS) {
      problems.push(`"${name}" has ${count} elements, too many to be looked at`);
      return;
    }
    if (buffer.length < count) buffer = new Float32Array(count);
    const values = buffer.subarray(0, count);
    await readStored(part, values, 0);
    const found = nonFinite(values);
    if (found !== null) problems.push(`"${name}" has ${found}`);
  };
  for (const [name, { parts }] of tensors) for (const part of parts) await check(name, part);
  return problems;
}
