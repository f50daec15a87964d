// The compressions of TIFF that need no codec of pictures: LZW and PackBits (TIFF 6.0, sections 9 and 13), and the
// horizontal predictor (section 14). Deflate is the platform's.

/** Thrown where compressed data is not what it should be; the caller names the file's part. */
export class Damaged extends Error {}

/**
 * LZW with codes of 9 to 12 bits, most significant bit first, each width left one code early.
 * @param size of the result, which may end sooner
 * @returns what was unpacked, at most `size` bytes
 */
export function unpackTiffLzw(data: Uint8Array, size: number): Uint8Array {
  const CLEAR = 256;
  const END = 257;
  const out = new Uint8Array(size);
  // A code's string: where it was written to the result, and its length.
  const begin = new Uint32Array(4097);
  const length = new Uint32Array(4097);
  let [bits, next, to, buffer, filled] = [9, END + 1, 0, 0, 0];
  let before = -1;
  let beforeAt = 0;
  for (let at = 0; to < size;) {
    while (filled < bits && at < data.length) {
      buffer = ((buffer << 8) | data[at++]) & 0xffffff;
      filled += 8;
    }
    if (filled < bits) break;
    const code = (buffer >>> (filled - bits)) & ((1 << bits) - 1);
    filled -= bits;
    if (code === END) break;
    if (code === CLEAR) {
      [bits, next, before] = [9, END + 1, -1];
      continue;
    }
    const start = to;
    if (code < CLEAR) out[to++] = code;
    else {
      if (before === -1 || code > next || code === END) throw new Damaged('a code before it is defined');
      // The code that is being defined is the string before and its first byte, which is how it stands in the result.
      const [from, count] = code < next ? [begin[code], length[code]] : [beforeAt, start - beforeAt + 1];
      for (let i = 0; i < count && to < size; i++) out[to++] = out[from + i];
    }
    if (before !== -1 && next < 4096) {
      begin[next] = beforeAt;
      length[next] = start - beforeAt + 1;
      next += 1;
      if (next === (1 << bits) - 1 && bits < 12) bits += 1;
    }
    before = code;
    beforeAt = start;
  }
  return out.subarray(0, to);
}

/**
 * Runs of bytes: n below 128 takes n + 1 bytes as they are, n above 128 repeats a byte 257 - n times.
 * @returns what was unpacked, at most `size` bytes
 */
export function unpackBits(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let [at, to] = [0, 0];
  while (to < size && at < data.length) {
    const n = data[at++];
    if (n < 128) {
      const part = data.subarray(at, at + Math.min(n + 1, size - to));
      out.set(part, to);
      at += n + 1;
      to += part.length;
    } else if (n > 128 && at < data.length) {
      const end = Math.min(to + 257 - n, size);
      out.fill(data[at++], to, end);
      to = end;
    }
  }
  return out.subarray(0, to);
}

/**
 * Undoes the horizontal predictor in place: every sample was stored as the difference from the one to its left.
 * @param samples of a pixel that stand side by side
 * @param bytesPerSample 1, 2 or 4
 */
export function addLeft(
  rows: Uint8Array,
  rowBytes: number,
  samples: number,
  bytesPerSample: number,
  littleEndian: boolean,
): void {
  const back = samples * bytesPerSample;
  for (let start = 0; start + rowBytes <= rows.length; start += rowBytes) {
    if (bytesPerSample === 1) {
      for (let i = start + back; i < start + rowBytes; i++) rows[i] += rows[i - back];
      continue;
    }
    for (let i = start + back; i + bytesPerSample <= start + rowBytes; i += bytesPerSample) {
      let carry = 0;
      for (let k = 0; k < bytesPerSample; k++) {
        const at = i + (littleEndian ? k : bytesPerSample - 1 - k);
        carry += rows[at] + rows[at - back];
        rows[at] = carry;
        carry >>= 8;
      }
    }
  }
}
