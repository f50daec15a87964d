// The marker segments of a JPEG (ITU-T T.81, annex B), without decoding: size, components, scans, and whether the file
// is whole.

export interface JpegHeader {
  width: number;
  height: number;
  /** 1 gray, 3 colour, 4 CMYK or YCCK. */
  components: number;
  /** The marker's low byte of SOFn: 0xc0 baseline, 0xc1 extended, 0xc2 progressive, 0xc9 and 0xca arithmetic. */
  frame: number;
  scans: number;
  /** Whether some component is halved in height and not in width (4:4:0). */
  halvedInHeightOnly: boolean;
  /** The offset behind the end-of-image marker; 0 if the file ends without one. */
  end: number;
  /** Whether a scan has only a part of the coefficients or components, so that the picture needs several. */
  partialScans: boolean;
  /** Whether a progressive file does not give all of the first coefficients, which decoders then estimate. */
  incomplete: boolean;
  /** The marker's low byte of the segment inside of which the file ends; 0 if it does not. */
  cutSegment: number;
}

const FRAMES: Readonly<Record<number, string>> = {
  0xc3: 'lossless',
  0xc5: 'hierarchical',
  0xc6: 'hierarchical',
  0xc7: 'hierarchical',
  0xcb: 'lossless',
  0xcd: 'hierarchical',
  0xce: 'hierarchical',
  0xcf: 'hierarchical',
};

/**
 * Walks the markers from the start of the image to its end. @throws Error if there is no frame header, or one that no
 * decoder here reads
 */
export function jpegHeader(bytes: Uint8Array): JpegHeader {
  let header: JpegHeader | undefined;
  let scans = 0,
    end = 0,
    partialScans = false,
    cutSegment = 0;
  /** Bits that are missing of each component's first coefficients. */
  const missing = new Map<number, Int8Array>();
  let at = 2;
  while (at < bytes.length) {
    // To the next marker: 0xff and a code. Zeros after 0xff are data, repeated 0xff are fill, restarts (d0 … d7) stand
    // alone.
    at = bytes.indexOf(0xff, at);
    if (at < 0) break;
    while (bytes[at] === 0xff) at++;
    const code = bytes[at++];
    if (code === undefined) break;
    if (code === 0 || code === 0x01 || (code >= 0xd0 && code <= 0xd8)) continue;
    if (code === 0xd9) {
      end = at;
      break;
    }
    const length = at + 1 < bytes.length ? bytes[at] * 256 + bytes[at + 1] : 0;
    if (code === 0xda) noteMissing(missing, bytes, at);
    if (code === 0xda && scans++ === 0) partialScans = header !== undefined && bytes[at + 2] < header.components;
    if (code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc) {
      if (at + 8 > bytes.length) break;
      if (header)
        throw new Error(
          'JPEG: a second frame header, which no picture has; the file is damaged: fetch or export it again',
        );
      const precision = bytes[at + 2];
      header = {
        height: bytes[at + 3] * 256 + bytes[at + 4],
        width: bytes[at + 5] * 256 + bytes[at + 6],
        components: bytes[at + 7],
        frame: code,
        scans: 0,
        end: 0,
        halvedInHeightOnly: false,
        partialScans: false,
        incomplete: false,
        cutSegment: 0,
      };
      if (FRAMES[code])
        throw new Error(`JPEG: expected baseline or progressive coding, got ${FRAMES[code]}; convert it first`);
      if (precision !== 8) throw new Error(`JPEG: expected 8 bits a sample, got ${precision}; convert it first`);
      if (header.width === 0 || header.height === 0)
        throw new Error(
          `JPEG: a picture of ${header.width} x ${header.height} has no pixels; fetch or export it again`,
        );
      if (![1, 3, 4].includes(header.components))
        throw new Error(`JPEG: expected 1, 3 or 4 components, got ${header.components}; convert it to RGB first`);
      const factors = Array.from({ length: header.components }, (_, i) => bytes[at + 9 + 3 * i]).map((hv) => [
        hv >> 4,
        hv & 15,
      ]);
      const most = [0, 1].map((axis) => Math.max(...factors.map((f) => f[axis])));
      header.halvedInHeightOnly = factors.some(([h, v]) => h === most[0] && 2 * v === most[1]);
    }
    if (length < 2) {
      cutSegment = at + 2 > bytes.length ? code : 0;
      if (cutSegment !== 0) break;
      throw new Error(
        `JPEG: the segment at byte ${at - 2} says it is ${length} bytes long; the file is damaged: fetch or ` +
          'export it again',
      );
    }
    at += length;
    cutSegment = at > bytes.length ? code : 0;
  }
  if (!header)
    throw new Error(
      `JPEG: no frame header in ${bytes.length} bytes; the file is truncated or damaged: fetch or export it again`,
    );
  const progressive = header.frame === 0xc2 || header.frame === 0xca;
  const first = [...missing.values()];
  const incomplete =
    progressive &&
    (first.length < header.components || first.some((bits) => bits.subarray(1).some((count) => count !== 0)));
  return { ...header, scans, end, partialScans: partialScans || progressive, incomplete, cutSegment };
}

/** What the scan whose header is at an offset gives of the first ten coefficients of its components. */
function noteMissing(missing: Map<number, Int8Array>, bytes: Uint8Array, at: number): void {
  const count = bytes[at + 2];
  const [from, to, bits] = bytes.subarray(at + 3 + 2 * count, at + 6 + 2 * count);
  for (let i = 0; i < count; i++) {
    const id = bytes[at + 3 + 2 * i];
    const known = missing.get(id) ?? new Int8Array(10).fill(-1);
    known.fill(bits & 15, from, to + 1);
    missing.set(id, known);
  }
}
