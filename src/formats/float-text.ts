// Floats as text that reads back to the same float, as short as possible.

/**
 * The shortest decimal that rounds to the float32 `x`, in JSON's notation (`-0` keeps its sign).
 * JavaScript prints the shortest decimal of a double: 0.10000000149011612 where `0.1` already gives the same float32.
 * @param x a finite float32
 */
export function float32Text(x: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  // Any decimal of up to 6 digits that rounds to a normal float32 is also the nearest one of 6 digits, and printing
  // drops its zeros.
  for (let digits = Math.abs(x) < 1.2e-38 ? 1 : 6; digits < 9; digits++) {
    const nearest = Number(x.toPrecision(digits));
    if (Math.fround(nearest) === x) return String(nearest);
    // Below a power of two floats are twice as dense as above it: the nearest decimal may be too far below while the
    // next one above is not.
    const above = nextDecimal(x, digits);
    if (Math.fround(above) === x) return String(above);
  }
  return String(Number(x.toPrecision(9))); // 9 digits always suffice
}

/** The next decimal of this many digits away from zero. */
function nextDecimal(x: number, digits: number): number {
  const [mantissa, exponent] = x.toExponential(digits - 1).split('e');
  const whole = Number(mantissa.replace('.', ''));
  return Number(`${whole + (x < 0 ? -1 : 1)}e${Number(exponent) - digits + 1}`);
}

/** A double as text, `-0` with its sign. */
export function float64Text(x: number): string {
  return Object.is(x, -0) ? '-0' : String(x);
}

/** The elements of a tensor's data between two places, as a JSON array. */
export function floatsText(data: Float32Array | Float64Array, from: number, to: number): string {
  const text = data instanceof Float32Array ? float32Text : float64Text;
  const parts: string[] = [];
  for (let i = from; i < to; i++) parts.push(text(data[i]));
  return `[${parts.join(',')}]`;
}
