// The binary exponent of a number, read off its bits: what a histogram in bits needs, of every element, without a
// logarithm.

const float = new Float64Array(1);
const words = new Int32Array(float.buffer);
float[0] = 1;
/** Index of the word with sign and exponent in this machine's byte order. */
const HIGH = words[1] === 0 ? 0 : 1;

/** floor(log2(x)) for x > 0; -1023 for subnormal numbers and 0, 1024 for Infinity and NaN. */
export function floorLog2(x: number): number {
  float[0] = x;
  return ((words[HIGH] >>> 20) & 0x7ff) - 1023;
}
