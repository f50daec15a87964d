// What the program needs of the engine around it, found out without touching what is not there: shells have no process,
// no console and no timers.

/**
 * Set by the launcher of the program in an engine whose arguments and output are not where Node has them
 * (tools/conformance/engines/launch.ts).
 */
export interface Host {
  readonly kind: 'node' | 'deno' | 'bun' | 'browser' | 'shell';
  readonly args: readonly string[];
  print(line: string): void;
}

interface Globals {
  conformanceHost?: Host;
  process?: { versions?: Record<string, string | undefined>; argv?: string[]; arch?: string };
  scriptArgs?: string[];
  console?: { log(line: string): void };
  print?: (line: string) => void;
  TextEncoder?: unknown;
}

const globals = globalThis as unknown as Globals;

/** The host that was set, or what a program finds in Node and in a shell. */
export function findHost(): Host {
  if (globals.conformanceHost !== undefined) return globals.conformanceHost;
  const { process, print, console } = globals;
  if (process?.versions?.node !== undefined) {
    return { kind: 'node', args: process.argv!.slice(2), print: (line) => console!.log(line) };
  }
  return { kind: 'shell', args: globals.scriptArgs?.slice(1) ?? [], print: print ?? ((line) => console!.log(line)) };
}

/** Facts about the engine, for the record; nothing is decided by them. */
export function engineFacts(host: Host): Record<string, unknown> {
  return {
    kind: host.kind,
    versions: globals.process?.versions ?? null,
    arch: globals.process?.arch ?? null,
    userAgent: typeof navigator === 'undefined' ? null : (navigator.userAgent ?? null),
    littleEndian: new Uint8Array(new Uint16Array([1]).buffer)[0] === 1,
    webAssembly: typeof WebAssembly === 'object',
    sharedMemory: typeof SharedArrayBuffer === 'function',
    atomics: typeof Atomics === 'object',
  };
}

/** Shells may lack TextEncoder. What it is asked for here are names of tensors, in ASCII. */
export function addTextEncoder(): void {
  globals.TextEncoder ??= class {
    encode(text: string): Uint8Array {
      const bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) throw new RangeError(`TextEncoder: expected ASCII, got ${JSON.stringify(text)}`);
        bytes[i] = code;
      }
      return bytes;
    }
  };
}
