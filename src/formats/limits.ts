// Resource limits for untrusted files, checked before anything is allocated for them. docs/limits.md has the table;
// --limit, CLIP_ORACLE_LIMITS and setLimits change it. Portable: this runs in pages, too.

export interface Limits {
  /** Pixels of a picture: where Pillow begins to warn of a decompression bomb. */
  pixels: number;
  /** Bytes of a picture's file. */
  imageBytes: number;
  /** Bytes of a safetensors header: the format's own limit. */
  headerBytes: number;
  /** Tensors of a safetensors file. */
  tensors: number;
  /** Elements of a tensor that claims more than are stored by repeating them (a stride of 0). */
  repeatedElements: number;
  /** Bytes of a pickle: hundreds of times what a CLIP needs. */
  pickleBytes: number;
  /** Values that a pickle makes; a CLIP checkpoint needs a few thousand. */
  pickleValues: number;
  /** Objects in objects: of JSON, and of what a checkpoint keeps its tensors in. */
  nesting: number;
  /** Entries of a zip file. */
  zipEntries: number;
  /** Bytes that one compressed entry of a zip file unpacks to. PyTorch does not compress. */
  unpackedBytes: number;
  /** Bytes that a gzipped file unpacks to: far above the bundled models (8 MB), far below what exhausts memory. */
  gzipBytes: number;
  /** Bytes of a JSON or text file: an index of shards, a configuration, a golden pack, labels, prompts, paths. */
  textFileBytes: number;
  /** Characters of one line: on standard input, in JSON Lines. */
  lineLength: number;
  /** Files of an index of shards. */
  shards: number;
  /** Files in one folder. */
  files: number;
  /** Characters of a text for the tokenizer; 77 tokens are about 400. */
  textCharacters: number;
}

export const DEFAULT_LIMITS: Readonly<Limits> = Object.freeze({
  pixels: 89_478_485,
  imageBytes: 1 << 29,
  headerBytes: 100_000_000,
  tensors: 100_000,
  repeatedElements: 1 << 20,
  pickleBytes: 64 << 20,
  pickleValues: 1_000_000,
  nesting: 100,
  zipEntries: 100_000,
  unpackedBytes: 1 << 29,
  gzipBytes: 256 << 20,
  textFileBytes: 64 << 20,
  lineLength: 16 << 20,
  shards: 1000,
  files: 1_000_000,
  textCharacters: 16_384,
});

let current: Limits | null = null;

/** The active limits. */
export function limits(): Readonly<Limits> {
  return (current ??= { ...DEFAULT_LIMITS, ...fromEnvironment() });
}

/**
 * Changes some of the limits, for the whole process (each thread that reads files has its own; the library reads them
 * on the calling one).
 * @throws RangeError for a name that is not a limit, or a value that is not a whole number of at least 1
 */
export function setLimits(changes: Partial<Limits>): void {
  for (const [name, value] of Object.entries(changes)) check('setLimits', name, value);
  current = { ...limits(), ...changes };
}

/** The hint appended to errors caused by a limit. */
export const raise = (name: keyof Limits): string =>
  `if you trust the file, raise the limit (--limit ${name}=…, or CLIP_ORACLE_LIMITS=${name}=…, or setLimits)`;

function check(where: string, name: string, value: number): void {
  if (!Object.hasOwn(DEFAULT_LIMITS, name))
    throw new RangeError(
      `${where} expected ${Object.keys(DEFAULT_LIMITS).join(', ')}, got "${name.slice(0, 40)}"; docs/limits.md ` +
        'says what they are',
    );
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(
      `${where} expected a whole number of at least 1 as ${name}, got ${String(value)}; leave it out for the default`,
    );
}

/** `pixels=200000000,tensors=5000` */
function fromEnvironment(): Partial<Limits> {
  const text = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env
    ?.CLIP_ORACLE_LIMITS;
  const changes: Record<string, number> = {};
  for (const part of text?.split(',') ?? []) {
    if (part.trim() === '') continue;
    const [name, value] = part.split('=').map((word) => word.trim());
    const number = Number(value || NaN); // Number('') is 0
    check('CLIP_ORACLE_LIMITS', name, number);
    changes[name] = number;
  }
  return changes;
}
