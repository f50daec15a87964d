// What decoding needs from its surroundings. In Node it is platform-node.ts, imported when the first picture asks for
// it. In bundles for browsers src/browser/host/pictures.ts takes the
// place of platform-node.ts (package.json, "browser").

export interface PictureHost {
  /** A file's bytes. @throws Error that says in a sentence why not */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * The compiled decoder (a WebAssembly.Module) out of its npm package; null where its own JavaScript finds it, as in
   * browsers.
   */
  compileDecoder(name: 'jpeg' | 'webp'): Promise<object | null>;
  /**
   * A zlib stream unpacked, or 'longer' as soon as the result would be longer than `limit` bytes. @throws Error if the
   * stream is damaged or cut off
   */
  inflate(compressed: Uint8Array, limit: number): Promise<Uint8Array | 'longer'>;
}

/** A decoder cannot be loaded. */
export class NoDecoder extends Error {
  override name = 'NoDecoder';
}

let current: Promise<PictureHost> | undefined;

/** The platform in use; the one for Node if none was set. */
export function platform(): Promise<PictureHost> {
  current ??= import('./host-node.ts').then(({ host }) => host);
  return current;
}
