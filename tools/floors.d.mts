// The types of floors.mjs, which is JavaScript so that ESLint's configuration can import it.

interface Floor {
  readonly room: string;
  readonly floor: number;
  readonly node: boolean;
  readonly imports: readonly string[] | null;
  readonly holds: string;
}
interface Imports {
  readonly imports: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
}
export const FLOORS: readonly Floor[];
export const NODE_FILES: RegExp;
export function roomOf(file: string): Floor | undefined;
export function importsOf(source: string): string[];
export function sourcesOf(folders: readonly string[], root?: string): string[];
export function graphOf(folders: readonly string[], root?: string): Map<string, Imports>;
export function circles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][];
export function forbidden(graph: ReadonlyMap<string, Imports>): string[];
export function boxesOf(
  folder: string,
  root?: string,
): { boxes: number; arrows: number; backwards: number; circles: string[][]; floors: number };
export function table(): string;
