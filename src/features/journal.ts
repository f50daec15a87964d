// The journal of a feature file that is being written: what was computed so far, so that a run that was interrupted is
// continued. It lies beside the file as `.NAME.PID.RANDOM.part`; each run writes its own and reads those that ended.
//
// Records, one after the other: length of the text and CRC-32 of all that follows, both of 32 bits and little endian;
// the text (JSON); a row. The first has no row: its text is what made the features. A record that is cut off or
// damaged, as an interruption leaves it, ends the journal.

import { randomBytes } from 'node:crypto';
import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from '../formats/crc32.ts';
import { readError, writeError } from '../formats/errno.ts';

/** The longest text of a record: a path, and what made the features. */
const MOST_TEXT = 1 << 20;

/** Whether a process of this number lives, as far as one can see. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Journals of runs that ended before the file was whole, the earlier names first. */
export async function endedJournals(file: string): Promise<string[]> {
  const start = `.${basename(file)}.`;
  const names = await readdir(dirname(file)).catch(() => []);
  return names
    .filter((name) => {
      if (!name.startsWith(start)) return false;
      const pid = /^(\d+)\.[0-9a-f]{8}\.part$/.exec(name.slice(start.length))?.[1];
      // This process has not begun one: a journal of its number is that of a container that was started again.
      return pid !== undefined && (Number(pid) === process.pid || !lives(Number(pid)));
    })
    .sort()
    .map((name) => join(dirname(file), name));
}

/** One record after the first. */
export interface Entry {
  text: string;
  /** Where its row begins in the journal. */
  position: number;
}

/** Reads a journal's records up to the first that is not whole. @returns null if there is not even the first */
export async function readJournal(
  handle: FileHandle,
  rowBytes: number,
): Promise<{ head: string; entries: Entry[] } | null> {
  let at = 0;
  const next = async (row: number): Promise<Entry | null> => {
    const lead = await piece(handle, at, 8);
    if (lead === null) return null;
    const length = lead.readUInt32LE(0);
    const body = length > MOST_TEXT ? null : await piece(handle, at + 8, length + row);
    if (body === null || crc32(body) !== lead.readUInt32LE(4)) return null;
    const entry = { text: body.toString('utf8', 0, length), position: at + 8 + length };
    at = entry.position + row;
    return entry;
  };
  const head = await next(0);
  if (head === null) return null;
  const entries: Entry[] = [];
  for (let entry = await next(rowBytes); entry !== null; entry = await next(rowBytes)) entries.push(entry);
  return { head: head.text, entries };
}

async function piece(handle: FileHandle, position: number, length: number): Promise<Buffer | null> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) return null;
    done += bytesRead;
  }
  return bytes;
}

/** A row of a journal or feature file. @throws Error if the file ends before it */
export async function readRow(handle: FileHandle, name: string, position: number, length: number): Promise<Buffer> {
  const row = await piece(handle, position, length).catch((error: unknown) => {
    throw readError(name, error);
  });
  if (row === null) throw new Error(`"${name}" ends early; has it changed? Run the command again`);
  return row;
}

/** A journal that is being written; the file begins with its first row. */
export class Journal {
  readonly path: string;
  readonly #file: string;
  readonly #head: string;
  #rows = 0;
  #handle: FileHandle | null = null;
  #end = 0;

  /** @param file the feature file */
  constructor(file: string, head: string) {
    this.path = join(dirname(file), `.${basename(file)}.${process.pid}.${randomBytes(4).toString('hex')}.part`);
    this.#file = file;
    this.#head = head;
  }

  /** Where the rows are; null before the first one. */
  get handle(): FileHandle | null {
    return this.#handle;
  }

  /** @returns where the row begins */
  async add(text: string, row: Uint8Array): Promise<number> {
    try {
      if (this.#handle === null) {
        this.#handle = await open(this.path, 'wx+');
        await this.#append(this.#head, new Uint8Array(0));
      }
      await this.#append(text, row);
    } catch (error) {
      throw writeError(this.#file, error);
    }
    this.#rows++;
    return this.#end - row.length;
  }

  async #append(text: string, row: Uint8Array): Promise<void> {
    const body = Buffer.concat([Buffer.from(text), row]);
    const lead = Buffer.alloc(8);
    lead.writeUInt32LE(body.length - row.length, 0);
    lead.writeUInt32LE(crc32(body), 4);
    const bytes = Buffer.concat([lead, body]);
    for (let done = 0; done < bytes.length;)
      done += (await this.#handle!.write(bytes, done, bytes.length - done, this.#end + done)).bytesWritten;
    this.#end += bytes.length;
  }

  /** @param keep whether its rows are still needed */
  async close(keep: boolean): Promise<void> {
    await this.#handle?.close();
    if (this.#handle !== null && (!keep || this.#rows === 0)) await rm(this.path, { force: true });
  }
}
