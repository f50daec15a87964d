// binary16 and bfloat16 widened to binary32. Both are exact: every half is a float32.

let table: Float32Array | null = null;

/**
 * float32 values of all 65536 halves, by their bits (IEEE 754-2019, 3.6: 1 sign bit, 5 exponent bits with bias 15, 10
 * fraction bits).
 */
export function halfTable(): Float32Array {
  if (table !== null) return table;
  const values = new Float32Array(65536);
  const bits = new Uint32Array(values.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) {
      // Zeros and subnormals: fraction · 2^-24. The product is exact, and float32 has it as a normal number.
      values[half] = fraction * 5.9604644775390625e-8;
      bits[half] |= sign;
    } else if (exponent === 31) {
      bits[half] = sign | 0x7f800000 | (fraction << 13);
    } else {
      bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13);
    }
  }
  table = values;
  return values;
}
