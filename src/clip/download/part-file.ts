// The unfinished file of a download: `RN50.pt.part` while no process works on it, `RN50.pt.part-HOST-PID-N` while a
// process does.
// A process claims the part by renaming it, which the file system does for one of them only: two processes that fetch
// the same file never write into each other's bytes, and no lock can be left behind. What a killed process leaves is
// claimed by the next one, once that process is known to be gone (same host) or has written nothing for two minutes
// (another host or container on the same folder).

import { createHash, type Hash } from 'node:crypto';
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

const ABANDONED_AFTER = 120_000;
const READ_SIZE = 1 << 20;
let claims = 0;

export class PartFile {
  readonly path: string;
  /** The number of bytes that are there. */
  size = 0;
  /** Whether they come from more than one attempt. */
  resumed = false;
  readonly #resting: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash('sha256');

  private constructor(resting: string, path: string, handle: FileHandle) {
    this.#resting = resting;
    this.path = path;
    this.#handle = handle;
  }

  /**
   * Claims the unfinished file of `target`, or begins one, and hashes what is there.
   * @param onHash called with the bytes hashed so far and their total
   * @throws the file system's error where the folder cannot be written; the signal's reason where it is aborted
   */
  static async claim(
    target: string,
    signal?: AbortSignal,
    onHash?: (done: number, total: number) => void,
  ): Promise<PartFile> {
    const resting = `${target}.part`;
    const path = `${resting}-${safe(hostname())}-${process.pid}-${claims++}`;
    for (const candidate of [resting, ...(await abandoned(resting))]) {
      if (
        await rename(candidate, path).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOENT') return false;
            throw error;
          },
        )
      )
        break;
    }
    const part = new PartFile(resting, path, await open(path, (await exists(path)) ? 'r+' : 'wx+'));
    try {
      await part.#hashExisting(signal, onHash);
    } catch (error) {
      await part.release();
      throw error;
    }
    return part;
  }

  /** Appends bytes, on disk and in the digest. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (await this.#handle.write(bytes, done, bytes.length - done, this.size + done)).bytesWritten;
    }
    this.#hash.update(bytes);
    this.size += bytes.length;
  }

  /** SHA-256, in hexadecimal, of what is there. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Back to nothing. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.size = 0;
    this.resumed = false;
  }

  /** Gives the file its final name, after its bytes have reached the disk. */
  async finish(target: string): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.path, target);
  }

  /**
   * Leaves what is there for the next attempt; an empty part is removed. Where another process left a longer one
   * meanwhile, that one stays.
   */
  async release(): Promise<void> {
    await this.#handle.close();
    const other = await stat(this.#resting).then(
      (found) => found.size,
      () => -1,
    );
    if (this.size > 0 && this.size > other) await rename(this.path, this.#resting).catch(() => undefined);
    else await this.remove(false);
  }

  /** Removes it. */
  async remove(close = true): Promise<void> {
    if (close) await this.#handle.close();
    await rm(this.path, { force: true });
  }

  async #hashExisting(signal?: AbortSignal, onHash?: (done: number, total: number) => void): Promise<void> {
    const total = (await this.#handle.stat()).size;
    const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, Math.max(total, 1)));
    while (this.size < total) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.size);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.size += bytesRead;
      onHash?.(this.size, total);
    }
    this.resumed = this.size > 0;
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256OfFile(
  path: string,
  signal?: AbortSignal,
  onHash?: (done: number, total: number) => void,
): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const total = (await handle.stat()).size;
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    for (let done = 0; ;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, done);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      done += bytesRead;
      onHash?.(done, total);
    }
  } finally {
    await handle.close();
  }
}

/** Parts whose process is gone, the longest first. */
async function abandoned(resting: string): Promise<string[]> {
  const prefix = `${basename(resting)}-`;
  const found: { path: string; size: number }[] = [];
  for (const name of await readdir(dirname(resting))) {
    const match = name.startsWith(prefix) ? /^(.*)-(\d+)-\d+$/.exec(name.slice(prefix.length)) : null;
    if (!match) continue;
    const path = join(dirname(resting), name);
    const info = await stat(path).catch(() => null);
    if (!info) continue;
    const gone = match[1] === safe(hostname()) ? !alive(Number(match[2])) : Date.now() - info.mtimeMs > ABANDONED_AFTER;
    if (gone) found.push({ path, size: info.size });
  }
  return found.sort((a, b) => b.size - a.size).map((part) => part.path);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const safe = (host: string): string => host.replace(/[^A-Za-z0-9.]/g, '_');
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
