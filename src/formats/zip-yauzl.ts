// The table of contents of a zip file, read with yauzl. Nothing is ever unpacked to disk, so a name such as "../x" is
// only a name.

import yauzl from 'yauzl';
import { limits, raise } from './limits.ts';
import type { ByteSource } from './byte-source.ts';

export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked, as the table says. */
  readonly size: number;
  readonly packedSize: number;
  readonly compressed: boolean;
  readonly crc32: number;
  /** Where its bytes begin in the file. */
  dataStart(): Promise<number>;
}

const WINDOW_BYTES = 65536;

/** yauzl reads the table entry by entry: a window of the file spares it most of the reads. */
class SourceReader extends yauzl.RandomAccessReader {
  private readonly source: ByteSource;
  private window = Buffer.alloc(0);
  private windowStart = 0;

  constructor(source: ByteSource) {
    super();
    this.source = source;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.fetch(position, length).then((bytes) => {
      bytes.copy(buffer, offset);
      callback(null);
    }, callback);
  }

  private async fetch(position: number, length: number): Promise<Buffer> {
    if (position < this.windowStart || position + length > this.windowStart + this.window.length) {
      const window = Buffer.alloc(Math.max(length, Math.min(WINDOW_BYTES, this.source.size - position)));
      await this.source.read(window, position);
      [this.window, this.windowStart] = [window, position];
    }
    return this.window.subarray(position - this.windowStart, position - this.windowStart + length);
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}

/**
 * @throws Error in one sentence if the table is damaged, names an entry twice, or uses encryption or an unknown
 * compression
 */
export async function listZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const damaged = (error: unknown): Error =>
    new Error(`"${source.name}" is a damaged or truncated zip file (${oneLine(error)}); copy or download it again`, {
      cause: error,
    });
  let zip: yauzl.ZipFile;
  try {
    zip = await new Promise((resolve, reject) => {
      // decodeStrings: false, because yauzl would refuse names that leave the folder; here they are harmless
      yauzl.fromRandomAccessReader(
        new SourceReader(source),
        source.size,
        { lazyEntries: true, autoClose: false, decodeStrings: false },
        (error, file) => (error ? reject(error) : resolve(file!)),
      );
    });
  } catch (error) {
    throw damaged(error);
  }
  const entries = new Map<string, ZipEntry>();
  if (zip.entryCount > limits().zipEntries)
    throw new Error(
      `"${source.name}" has ${zip.entryCount} entries, more than any checkpoint; do not use this file, or ` +
        `${raise('zipEntries')}`,
    );
  const listed: yauzl.Entry[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry: yauzl.Entry) => {
        listed.push(entry);
        zip.readEntry();
      });
      zip.on('end', resolve);
      zip.on('error', reject);
      zip.readEntry();
    });
  } catch (error) {
    throw damaged(error);
  }
  for (const entry of listed) {
    const name = Buffer.from(entry.fileName as unknown as Uint8Array).toString('utf8');
    if (name.endsWith('/')) continue;
    if (entries.has(name))
      throw new Error(
        `"${source.name}" has the entry ${JSON.stringify(name.slice(0, 120))} twice; copy or download it again`,
      );
    if (entry.isEncrypted()) throw new Error(`"${source.name}" is encrypted; decrypt it first`);
    if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
      throw new Error(
        `"${source.name}": ${JSON.stringify(name.slice(0, 120))} is compressed by method ` +
          `${entry.compressionMethod}, which is not supported; store it uncompressed`,
      );
    if (entry.compressionMethod === 0 && entry.compressedSize !== entry.uncompressedSize)
      throw damaged(new Error(`${JSON.stringify(name.slice(0, 120))} is stored with two different sizes`));
    entries.set(name, {
      name,
      size: entry.uncompressedSize,
      packedSize: entry.compressedSize,
      compressed: entry.compressionMethod === 8,
      crc32: entry.crc32,
      async dataStart() {
        try {
          const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
          if (fileDataStart + entry.compressedSize > source.size)
            throw new Error(`${JSON.stringify(name.slice(0, 120))} ends after the file`);
          return fileDataStart;
        } catch (error) {
          throw damaged(error);
        }
      },
    });
  }
  return entries;
}

const oneLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 160);
