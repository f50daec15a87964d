// Finds out what a file is by its first bytes (names lie) and hands it to the reader of that format.

import { FileSource, MemorySource, readStart, type ByteSource } from './byte-source.ts';
import type { RawCheckpoint } from './raw-checkpoint.ts';
import { gunzip } from './gzip.ts';
import { readSafetensors } from './safetensors.ts';

/** @throws Error in one sentence if the path cannot be read or is in no format that is known here */
export async function openRaw(path: string): Promise<RawCheckpoint> {
  const source = await FileSource.open(path);
  try {
    return await readAny(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readAny(source: ByteSource): Promise<RawCheckpoint> {
  const start = await readStart(source, 16);
  if (start[0] === 0x1f && start[1] === 0x8b) {
    const bytes = await gunzip(source);
    await source.close();
    return readSafetensors(new MemorySource(source.name, bytes));
  }
  return readSafetensors(source);
}
