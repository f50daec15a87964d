// Numbers in readable notation.

/** About three significant digits: 0.0123, 4.56, 1.20e-7. */
export function short(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return special(x);
  const size = Math.abs(x);
  if (size >= 1e6) return exponential(x);
  if (size >= 1000) return x.toFixed(0);
  return size >= 0.01 ? trim(x.toPrecision(3)) : exponential(x);
}

/** Such as 3.21e-7. */
export function exponential(x: number): string {
  return x === 0 || !Number.isFinite(x) ? special(x) : x.toExponential(2).replace('e+', 'e');
}

/** Nine digits, from which the same float32 can be read again. */
export function value(x: number): string {
  return x === 0 || !Number.isFinite(x) ? special(x) : `${Number(x.toPrecision(9))}`;
}

/** A share of elements, in per cent; all and nothing only where it is all and nothing. */
export function percent(share: number): string {
  if (share === 0 || share === 1 || !Number.isFinite(share))
    return Number.isFinite(share) ? `${share * 100} %` : special(share);
  const text = (share * 100).toFixed(1);
  return text === '100.0' ? '> 99.9 %' : text === '0.0' ? '< 0.1 %' : `${text} %`;
}

/** 1 layer, 2 layers. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function special(x: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  return x === Infinity ? '∞' : x === -Infinity ? '-∞' : 'NaN';
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
