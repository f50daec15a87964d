// The two WASM decoders of the @jsquash packages (mozjpeg and libwebp, built by Emscripten): started when first needed,
// and started anew after any failure, because an abort leaves Emscripten's heap in an unknown state.
//
// Differs from the packages' own decode() in three ways: no global ImageData stays behind, messages go to the caller
// instead of the console, and a heap that a large picture has blown up is given back.

import { host } from '#host/pictures';

/** What is used of WebAssembly; its types come with TypeScript's DOM library only, which this project does without. */
declare const WebAssembly: { Instance: new (module: object, imports: object) => { exports: object } };

/** A decoder cannot be loaded. */
export class NoDecoder extends Error {
  override name = 'NoDecoder';
}

export interface Rgba {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

interface Instance {
  decode(bytes: Uint8Array, preserveOrientation?: boolean): Rgba | null;
  HEAPU8: Uint8Array;
}
type Factory = (options: Record<string, unknown>) => Promise<Instance>;
type Name = 'jpeg' | 'webp';

interface Loaded {
  module: object | null;
  factory: Factory;
}
interface Started {
  instance: Instance;
  messages: string[];
}
const loaded = new Map<Name, Promise<Loaded>>();
const running = new Map<Name, Started>();

/** WebAssembly memory never shrinks: an instance larger than this is not kept. */
const HEAP_TO_KEEP = 64 * 1024 * 1024;

async function load(name: Name): Promise<Loaded> {
  const glue =
    name === 'jpeg' ? import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js') : import('@jsquash/webp/codec/dec/webp_dec.js');
  const [module, { default: factory }] = await Promise.all([host.compileDecoder(name), glue]);
  return { module, factory: factory as unknown as Factory };
}

/**
 * The decoders build their result with the global ImageData, which Node does not have: it exists while `work`
 * (synchronous) runs, and not longer.
 */
function withImageData<T>(work: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'ImageData');
  if (before) return work();
  class ImageData {
    data: Uint8ClampedArray;
    width: number;
    height: number;
    constructor(data: Uint8ClampedArray, width: number, height: number) {
      this.data = data;
      this.width = width;
      this.height = height;
    }
  }
  Object.defineProperty(globalThis, 'ImageData', { value: ImageData, configurable: true, writable: true });
  try {
    return work();
  } finally {
    delete (globalThis as { ImageData?: unknown }).ImageData;
  }
}

async function instantiate(name: Name): Promise<Started> {
  const loading = loaded.get(name) ?? load(name);
  loaded.set(name, loading);
  const missing = (error: unknown): never => {
    loaded.delete(name); // try again with the next picture
    throw new NoDecoder(
      `the decoder of the package @jsquash/${name} cannot be loaded ` +
        `(${error instanceof Error ? error.message : String(error)}); ` +
        'install it beside clip-oracle, or in a page without a bundler name it in the import map',
      { cause: error },
    );
  };
  const { module, factory } = await loading.catch(missing);
  const messages: string[] = [];
  const collect = (line: string): void => {
    messages.push(line);
  };
  const own =
    module === null
      ? {}
      : {
          instantiateWasm: (imports: object, done: (instance: object) => void) => {
            const wasm = new WebAssembly.Instance(module, imports);
            done(wasm);
            return wasm.exports;
          },
        };
  const instance = await withImageData(() =>
    factory({ noInitialRun: true, print: collect, printErr: collect, ...own }),
  ).catch(missing);
  const started = { instance, messages };
  running.set(name, started);
  return started;
}

/**
 * Pixels as RGBA, and what the decoder had to say.
 * @throws Error with the decoder's own words if it gives up
 */
export async function decodeWithWasm(name: Name, bytes: Uint8Array): Promise<Rgba & { messages: string[] }> {
  const { instance, messages } = running.get(name) ?? (await instantiate(name));
  messages.length = 0;
  let result: Rgba | null;
  try {
    result = withImageData(() => (name === 'jpeg' ? instance.decode(bytes, false) : instance.decode(bytes)));
  } catch (error) {
    running.delete(name);
    const said = messages.filter((line) => !line.startsWith('Aborted')).join('; ');
    throw new Error(said || `the decoder failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (!result) {
    running.delete(name);
    throw new Error(messages.join('; ') || 'the decoder could not read it');
  }
  if (instance.HEAPU8.length > HEAP_TO_KEEP) running.delete(name);
  return { width: result.width, height: result.height, data: result.data, messages: [...messages] };
}
