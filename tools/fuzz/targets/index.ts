// All targets.

import { ARCHIVE_TARGETS } from './archives.ts';
import { CLI_TARGETS } from './cli.ts';
import { DUMP_TARGETS } from './dumps.ts';
import { IMAGE_TARGETS } from './images.ts';
import { MODEL_TARGETS } from './models.ts';
import { PLANTED_TARGETS } from './planted.ts';
import type { Target } from './target.ts';
import { TEXT_TARGETS } from './texts.ts';

export const TARGETS: readonly Target[] = [
  ...IMAGE_TARGETS,
  ...ARCHIVE_TARGETS,
  ...MODEL_TARGETS,
  ...DUMP_TARGETS,
  ...TEXT_TARGETS,
  ...CLI_TARGETS,
];

/** @throws RangeError for a name that no target has */
export function targetNamed(name: string): Target {
  const target = [...TARGETS, ...PLANTED_TARGETS].find((one) => one.name === name);
  if (target === undefined)
    throw new RangeError(
      `--target expected one of ${TARGETS.map((one) => one.name).join(', ')}, got ${JSON.stringify(name)}`,
    );
  return target;
}
