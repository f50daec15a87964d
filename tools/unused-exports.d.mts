// The types of unused-exports.mjs.

export function unusedExports(root?: string, extra?: ReadonlyMap<string, string>): string[];
