// What an engine of the conformance matrix is: how it is put on the machine and how it runs the program. Facts and
// versions: docs/conformance-engines.md.

export interface InstallOptions {
  /**
   * Debian packages that the engine needs on the system are installed by apt-get (needs root); without it, a missing
   * one is an error that names the command.
   */
  system?: boolean;
}

export interface EngineOptions {
  /** Where engines are installed; default `enginesFolder()`. */
  folder?: string;
  /** Seconds until the engine is ended with all its children; default 3600. */
  timeLimit?: number;
  /** Called with the text of each `PROGRESS` line. */
  onProgress?: (text: string) => void;
}

export interface EngineResult {
  /** As the engine says it, e.g. "Node 24.21.0 (V8 13.6)". */
  version: string;
  /** What the program printed after `RESULT `, parsed. */
  result: object;
}

/** What the families of engines have in common with an Engine, which `described` makes of it. */
export interface EngineParts extends Pick<Engine, 'name' | 'processor' | 'note' | 'slow'> {
  install(folder: string, options: InstallOptions): Promise<unknown>;
  version(folder: string): Promise<string>;
}

/** All of an Engine but how it runs. */
export function described(parts: EngineParts): Omit<Engine, 'run'> {
  const { name, processor, note, slow } = parts;
  return {
    name,
    processor,
    note,
    slow,
    async install(folder, options = {}) {
      await parts.install(folder, options);
    },
  };
}

export interface Engine {
  /** As on the command line: `--engines node24,quickjs`. */
  name: string;
  /** Whose arithmetic it is: "x86-64", "aarch64 (qemu)", … */
  processor: string;
  /** What a reader of the matrix should know: no WebAssembly, emulated, a compiler tier. */
  note?: string;
  /** Interpreted or emulated: sweeps take the wide step there, and the big models hours. */
  slow?: boolean;
  /**
   * Puts the engine into `folder`; does nothing where it is there already. Error when something is missing, with the
   * remedy.
   */
  install(folder: string, options?: InstallOptions): Promise<void>;
  /**
   * Runs the bundle with the arguments and gives what it printed after `RESULT `.
   * Error when the program prints `FAILED`, ends without a result, or exceeds the time limit.
   */
  run(bundleFile: string, args: string[], options?: EngineOptions): Promise<EngineResult>;
}
