// A small text file, whole, with a limit: configurations, packs, labels. Also from special files of unknown size, such
// as /dev/stdin.

import { open } from 'node:fs/promises';
import { readError } from './errno.ts';
import { limits, raise } from './limits.ts';

const PIECE = 1 << 16;

/**
 * @throws Error in one sentence if it cannot be read or is larger than the limit textFileBytes; with the system's error
 * as cause
 */
export async function textOfFile(path: string): Promise<string> {
  const most = limits().textFileBytes;
  const tooLarge = (): Error =>
    new Error(
      `"${path}" has more than ${most} bytes, more than any file of its kind; name another file, or ` +
        `${raise('textFileBytes')}`,
    );
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw readError(path, error);
  });
  try {
    const stats = await handle.stat();
    if (stats.size > most) throw tooLarge();
    const pieces: Uint8Array[] = [];
    for (let total = 0; ;) {
      const piece = new Uint8Array(stats.isFile() ? Math.min(most + 1, Math.max(1, stats.size - total) + 1) : PIECE);
      const { bytesRead } = await handle.read(piece, 0, piece.length, null).catch((error: unknown) => {
        throw readError(path, error);
      });
      if (bytesRead === 0) break;
      total += bytesRead;
      if (total > most) throw tooLarge();
      pieces.push(piece.subarray(0, bytesRead));
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(pieces));
  } finally {
    await handle.close();
  }
}
