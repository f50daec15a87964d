// Where the adapters' fixtures are, and files for misuse.

import { fileURLToPath } from 'node:url';
import type { Adapter } from '../../../src/clip/adapters/lora.ts';
import { openAdapter, type AdapterSource } from '../../../src/clip/adapters/open.ts';
import { parseAdapter } from '../../../src/clip/adapters/parse.ts';
import type { Architecture } from '../../../src/clip/architecture.ts';

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/adapters/${name}`, import.meta.url));

/** An adapter as `load` reads it: opened, fitted to the model, closed. */
export async function readAdapter(source: AdapterSource, architecture: Architecture): Promise<Adapter> {
  const file = await openAdapter(source);
  try {
    return await parseAdapter(file, architecture);
  } finally {
    await file.tensors.close();
  }
}

/** A safetensors file of float32 zeros, but for what `values` gives. */
export function safetensors(
  shapes: Record<string, readonly number[]>,
  values: Record<string, readonly number[]> = {},
): Buffer {
  let at = 0;
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, (at += 4 * size)] };
    parts.push(Buffer.from(Float32Array.from({ length: size }, (_, i) => values[name]?.[i] ?? 0).buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}
