// safetensors: the header changed as JSON, its length made right, the data made as long as it says.

import { concat, textOf, utf8 } from './bytes.ts';
import { havoc, type Mutator } from './havoc.ts';
import { mutateJsonText } from './json.ts';

const BYTES: Readonly<Record<string, number>> = {
  F16: 2,
  BF16: 2,
  F32: 4,
  F64: 8,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

export function safetensorsOf(header: string, data: Uint8Array): Uint8Array {
  const bytes = utf8(header),
    length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
  return concat(length, bytes, data);
}

/** Offsets as sizes and types ask for, so that the header passes the check of its places. */
function placed(header: string): { header: string; length: number } | null {
  try {
    const value = JSON.parse(header) as Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>;
    let at = 0;
    for (const [key, entry] of Object.entries(value)) {
      if (key === '__metadata__' || !Array.isArray(entry?.shape)) continue;
      const bytes = (entry.shape as number[]).reduce((product, n) => product * n, BYTES[String(entry.dtype)] ?? 1);
      if (!(bytes >= 0 && bytes < 8192)) continue;
      entry.data_offsets = [at, at + bytes];
      at += bytes;
    }
    return { header: JSON.stringify(value), length: at };
  } catch {
    return null;
  }
}

export const safetensors: Mutator = (input, around) => {
  const { random } = around;
  if (input.length < 9 || random.one(8)) return havoc(input, around);
  const length = Math.min(
    input.length - 8,
    Number(new DataView(input.buffer, input.byteOffset, 8).getBigUint64(0, true)),
  );
  const data = input.subarray(8 + length);
  const header = mutateJsonText(textOf(input.subarray(8, 8 + length)), around);
  if (header === null) return havoc(input, around);
  const sound = random.one(3) ? null : placed(header);
  if (sound === null) return safetensorsOf(header, random.one(3) ? havoc(data, around) : data);
  const filled = new Uint8Array(sound.length);
  filled.set(data.subarray(0, sound.length));
  return safetensorsOf(sound.header, filled);
};
