// A JPEG's markers, from which its scans are decoded (ITU-T T.81, annex B): bytes to the quantised coefficients of
// every block, baseline and progressive.
// Left out: arithmetic coding.

import { huffmanTable, type HuffmanTable } from './jpeg-huffman.ts';
import { isSmoothed, noteScan, smooth, unknownAccuracy, type Accuracy } from './jpeg-smoothing.ts';
import { decodeScan, type Component, type Scan, type ScanComponent } from './jpeg-scan.ts';

export interface Coefficients {
  width: number;
  height: number;
  components: Component[];
  /** Quantisation tables by number, in zigzag order. */
  quantisation: Uint16Array[];
  /** The transform byte of Adobe's marker, if there is one. */
  adobe?: number;
  /** Whether there is a JFIF marker. */
  jfif: boolean;
}

/**
 * The coefficients of a file that ends with a marker, already walked by `jpegHeader`. What a progressive file does not
 * give of them is estimated, as libjpeg-turbo does.
 * @param tolerant leave 0 what the file does not give otherwise
 * @throws Error in a few words, without remedy, if anything is missing or impossible
 */
export function jpegCoefficients(bytes: Uint8Array, tolerant: boolean): Coefficients {
  const quantisation: Uint16Array[] = [],
    dc: HuffmanTable[] = [],
    ac: HuffmanTable[] = [];
  let frame: Coefficients | undefined,
    adobe: number | undefined,
    jfif = false,
    progressive = false;
  let restartInterval = 0,
    mcusAcross = 0,
    mcusDown = 0,
    scans = 0,
    goodRows = 0;
  const accuracies = new Map<Component, Accuracy>();
  const word = (at: number): number => bytes[at] * 256 + bytes[at + 1];

  for (let at = 2; ;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) throw new Error('premature end of file');
    while (bytes[at] === 0xff) at++;
    const code = bytes[at++];
    if (code === 0xd9) break;
    if (code === 0 || code === 1 || (code >= 0xd0 && code <= 0xd8)) continue;
    const end = at + word(at);
    if (!(end <= bytes.length)) throw new Error('premature end of file');
    let p = at + 2;
    at = end;
    if (code === 0xdb) {
      // DQT
      while (p < end) {
        const wide = bytes[p] >> 4,
          id = bytes[p++] & 3;
        quantisation[id] = Uint16Array.from({ length: 64 }, (_, k) => (wide ? word(p + 2 * k) : bytes[p + k]));
        p += wide ? 128 : 64;
      }
    } else if (code === 0xc4) {
      // DHT
      while (p + 17 <= end) {
        const kind = bytes[p] >> 4,
          id = bytes[p] & 3,
          counts = bytes.subarray(p + 1, p + 17);
        const length = counts.reduce((sum, n) => sum + n, 0);
        (kind ? ac : dc)[id] = huffmanTable(counts, bytes.subarray(p + 17, p + 17 + length));
        p += 17 + length;
      }
    } else if (code === 0xdd) restartInterval = word(p);
    else if (code === 0xe0 && end - p >= 5 && String.fromCharCode(...bytes.subarray(p, p + 5)) === 'JFIF\0')
      jfif = true;
    else if (code === 0xee && end - p >= 12 && String.fromCharCode(...bytes.subarray(p, p + 5)) === 'Adobe')
      adobe = bytes[p + 11];
    else if (code === 0xc0 || code === 0xc1 || code === 0xc2) {
      progressive = code === 0xc2;
      const height = word(p + 1),
        width = word(p + 3),
        count = bytes[p + 5];
      const raw = Array.from({ length: count }, (_, i) => bytes.subarray(p + 6 + 3 * i, p + 9 + 3 * i)).map(
        ([id, hv, table]) => ({ id, h: hv >> 4, v: hv & 15, table }),
      );
      if (raw.some(({ h, v, table }) => !(h >= 1 && h <= 4 && v >= 1 && v <= 4 && table <= 3)))
        throw new Error('Bogus sampling factors');
      const hMost = Math.max(...raw.map(({ h }) => h)),
        vMost = Math.max(...raw.map(({ v }) => v));
      mcusAcross = Math.ceil(width / (8 * hMost));
      mcusDown = Math.ceil(height / (8 * vMost));
      // A block is at least one bit: a short file cannot fill a large picture, so no memory is taken for it.
      if (raw.reduce((sum, { h, v }) => sum + h * v, 0) * mcusAcross * mcusDown > bytes.length * 8 && !tolerant)
        throw new Error('premature end of file');
      const components = raw.map((c) => {
        const stride = mcusAcross * c.h;
        return {
          ...c,
          stride,
          coefficients: new Int16Array(stride * mcusDown * c.v * 64),
          blocksAcross: Math.ceil(Math.ceil((width * c.h) / hMost) / 8),
          blocksDown: Math.ceil(Math.ceil((height * c.v) / vMost) / 8),
        };
      });
      frame = { width, height, components, quantisation, jfif };
      for (const component of components) accuracies.set(component, unknownAccuracy());
    } else if (code === 0xc9 || code === 0xca) throw new Error('arithmetic coding, which is not decoded here');
    else if (code === 0xda) {
      // SOS
      if (!frame) throw new Error('a scan before its frame');
      const { components } = frame;
      const parts = Array.from({ length: bytes[p] }, (_, i): ScanComponent => {
        const component = components.find(({ id }) => id === bytes[p + 1 + 2 * i]);
        if (!component) throw new Error('a scan of a component that the frame does not have');
        const tables = bytes[p + 2 + 2 * i];
        return { component, dc: dc[tables >> 4], ac: ac[tables & 15], prediction: 0 };
      });
      p += 1 + 2 * parts.length;
      const scan: Scan = progressive
        ? {
            from: bytes[p],
            to: bytes[p + 1],
            high: bytes[p + 2] >> 4,
            low: bytes[p + 2] & 15,
            progressive,
            zeroBlocks: 0,
          }
        : { from: 0, to: 63, high: 0, low: 0, progressive, zeroBlocks: 0 };
      if (
        parts.length === 0 ||
        scan.from > scan.to ||
        scan.to > 63 ||
        scan.low > 13 ||
        (scan.from > 0 && parts.length > 1)
      )
        throw new Error('Invalid progressive parameters');
      for (const { component } of parts)
        noteScan(accuracies.get(component)!, scan.from, scan.to, scan.low, scans === 0);
      scans++;
      ({ at, rows: goodRows } = decodeScan(bytes, end, scan, parts, mcusAcross, mcusDown, restartInterval, tolerant));
    }
  }
  if (!frame) throw new Error('no frame');
  const { components } = frame;
  const tables = components.map(({ table }) => quantisation[table]);
  if (progressive && isSmoothed([...accuracies.values()], tables)) {
    if (scans === 1) for (const { before } of accuracies.values()) before.fill(-1);
    components.forEach((component, i) => smooth(component, tables[i], accuracies.get(component)!, goodRows));
  }
  return { ...frame, adobe, jfif };
}
