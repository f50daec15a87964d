// What is used of istanbul-lib-instrument, which has no types of its own.
declare module 'istanbul-lib-instrument' {
  export interface Instrumenter {
    instrumentSync(code: string, filename: string): string;
    lastFileCoverage(): { s: Record<string, number>; f: Record<string, number>; b: Record<string, number[]> };
  }
  export function createInstrumenter(options: {
    esModules: boolean;
    compact: boolean;
    produceSourceMap: boolean;
  }): Instrumenter;
}
