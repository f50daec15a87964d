// What reading and decoding pictures needs of the host: `#host/pictures` (package.json, "imports") is host-node.ts in
// Node and src/browser/host/pictures.ts in bundles for browsers.

export interface PictureHost {
  /** A file's bytes. @throws Error that says in a sentence why not */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * The compiled decoder (a WebAssembly.Module) out of its npm package; null where its own JavaScript finds it, as in
   * browsers.
   */
  compileDecoder(name: 'jpeg' | 'webp'): Promise<object | null>;
}
