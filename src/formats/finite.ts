// Weights with NaN or infinity would give features of NaN: they are refused when they are read.

/**
 * A message about the first element that is NaN or infinite, and how many there are; null if there is none.
 * Looks at the exponent's bits, all ones for both: under a nanosecond an element.
 */
export function nonFinite(values: Float32Array): string | null {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let first = -1,
    count = 0;
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i] & 0x7f800000) === 0x7f800000) {
      if (count++ === 0) first = i;
    }
  }
  return count === 0
    ? null
    : `${count} of ${values.length} elements that are not finite (the first is ${values[first]} at ${first})`;
}

/** @throws Error that names the tensor and its first element that is NaN or infinite */
export function assertFinite(values: Float32Array, name: string, where: string): void {
  const found = nonFinite(values);
  if (found !== null)
    throw new Error(`"${where}": "${name}" has ${found}; the weights are damaged: use another checkpoint`);
}
