// The operating system's error codes in words: why a file cannot be read or written, and what to do about it.

interface Reason {
  /** Continues a sentence that begins with the path. */
  readonly reading?: string;
  /** The reason, which follows "cannot be written: ", and the remedy. */
  readonly writing?: readonly [reason: string, remedy: string];
}

const REASONS: Readonly<Record<string, Reason>> = {
  ENOENT: { reading: 'does not exist; check the path', writing: ['its folder does not exist', 'make it first'] },
  ENOTDIR: {
    reading: 'names a file as if it were a folder; check the path',
    writing: ['its folder is a file', 'name another place'],
  },
  EISDIR: { reading: 'is a folder; name a file in it', writing: ['it is a folder', 'add a file name'] },
  EEXIST: { writing: ['a file has the name of a folder that is needed', 'name another place'] },
  EACCES: {
    reading: 'may not be read by this user; change its permissions',
    writing: ['permission is denied', 'name another place'],
  },
  EPERM: {
    reading: 'may not be read by this user; change its permissions',
    writing: ['permission is denied', 'name another place'],
  },
  ENAMETOOLONG: {
    reading: 'is too long a name; check the path',
    writing: ['the name is too long', 'choose a shorter one'],
  },
  ELOOP: {
    reading: 'is a symbolic link that leads back to itself; correct the link',
    writing: ['its symbolic links lead in a circle', 'name another place'],
  },
  EMFILE: {
    reading: 'cannot be opened, too many files are open; raise the limit (ulimit -n) or read fewer at a time',
    writing: ['too many files are open', 'raise the limit (ulimit -n)'],
  },
  EROFS: { writing: ['the file system is read-only', 'name another place'] },
  ENOSPC: { writing: ['no space is left', 'free some or name another place'] },
  EDQUOT: { writing: ['the quota is used up', 'free some space or name another place'] },
  EIO: {
    reading: 'cannot be read, the device reports an error; copy the file to another disk',
    writing: ['the device reports an error', 'name another place'],
  },
  EBUSY: { reading: 'is in use by another program; close it there', writing: ['it is in use', 'name another place'] },
  ERR_FS_FILE_TOO_LARGE: { reading: 'is larger than 2 GiB; name another file' },
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Why a file cannot be read and what to do: the rest of a sentence that begins with its path. */
export function readReason(error: unknown): string {
  const code = codeOf(error);
  return REASONS[code ?? '']?.reading ?? `cannot be read (${code ?? String(error)}); check the path`;
}

/** Why a file cannot be written and what to do. @param code of the operating system's error */
export const writeReason = (code: string | undefined): string =>
  (REASONS[code ?? '']?.writing ?? [code, 'name another place']).join('; ');

/** Why the operating system refuses to write, without a remedy; null for errors of another kind. */
export const writeRefusal = (error: unknown): string | null => REASONS[codeOf(error) ?? '']?.writing?.[0] ?? null;

/** An error of the operating system while reading, as one sentence with its remedy; the original is its cause. */
export const readError = (path: string, error: unknown): Error =>
  new Error(`"${path}" ${readReason(error)}`, { cause: error });

/**
 * An error of the operating system while writing, as one sentence with its remedy; the original is its cause. Errors
 * without a code are returned as they are.
 */
export function writeError(path: string, error: unknown): Error {
  const code = codeOf(error);
  return code === undefined && error instanceof Error
    ? error
    : new Error(`"${path}" cannot be written: ${writeReason(code)}`, { cause: error });
}
