// The engines and processors of the conformance matrix, in the order of its rows.
import { bunEngines, bunTiers } from './bun.ts';
import { chromiumEngines, chromiumTiers, firefoxEngines, firefoxTiers } from './browsers.ts';
import { denoEngines } from './deno.ts';
import { arm64Engines, armv7Engines, ia32Engines, otherEngines } from './emulated.ts';
import { nodeEngines, nodeTiers } from './node.ts';
import { gjsEngines, jscEngines, jscTiers, quickjsEngines, spidermonkeyEngines, spidermonkeyTiers } from './shells.ts';
import { webkitEngines } from './webkit.ts';
import type { Engine } from './types.ts';

export type { Engine, EngineResult, InstallOptions, EngineOptions } from './types.ts';
export { enginesFolder } from './folder.ts';

export const engines: Engine[] = [
  ...nodeEngines,
  ...denoEngines,
  ...bunEngines,
  ...chromiumEngines,
  ...firefoxEngines,
  ...webkitEngines,
  ...jscEngines,
  ...spidermonkeyEngines,
  ...gjsEngines,
  ...quickjsEngines,
  ...arm64Engines,
  ...armv7Engines,
  ...ia32Engines,
  ...otherEngines,
  ...nodeTiers,
  ...bunTiers,
  ...chromiumTiers,
  ...firefoxTiers,
  ...jscTiers,
  ...spidermonkeyTiers,
];

/** The engine of a name; Error that lists the names. */
export function findEngine(name: string): Engine {
  const engine = engines.find((candidate) => candidate.name === name);
  if (engine === undefined)
    throw new RangeError(
      `--engines: expected names of engines, got ${JSON.stringify(name)}: choose from ` +
        `${engines.map((candidate) => candidate.name).join(', ')}, or "all"`,
    );
  return engine;
}
