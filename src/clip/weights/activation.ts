// Which activation the transformers have. No tensor says so: OpenAI trained with QuickGELU, LAION mostly with GELU, and
// the features of the wrong one are wrong by a few per cent without anything failing. So a warning is printed where the
// evidence is contradictory.

import type { Checkpoint } from './checkpoint.ts';
import type { Activation } from '../../layers/index.ts';
import { MODELS } from '../models.ts';

/**
 * What the configuration beside the weights says (`config.json`, `open_clip_config.json`), else QuickGELU. OpenAI's own
 * files have QuickGELU whatever is beside them.
 * @param warn is called with one sentence about the contradiction. Default: Node's warnings, on standard error;
 * elsewhere the console
 */
export function activationOf(
  checkpoint: Pick<Checkpoint, 'origin' | 'format' | 'metadata'>,
  warn: (message: string) => void = warning,
): Activation {
  const configured = checkpoint.metadata.hidden_act as Activation | undefined;
  const { origin } = checkpoint;
  if (isOpenAIs(checkpoint)) {
    if (configured === 'gelu') {
      warn(
        `"${origin}" is one of OpenAI's files, trained with QuickGELU, but the configuration beside it says ` +
          'GELU. QuickGELU is computed; if these are other weights under ' +
          "OpenAI's file name, rename the file, and if not, correct or move the configuration",
      );
    }
    return 'quick_gelu';
  }
  if (configured === undefined && /^open_clip_/.test(basename(origin))) {
    warn(
      `"${origin}" is a file of open_clip, but no open_clip_config.json beside it says which activation it ` +
        `was trained with. QuickGELU is computed; LAION's and DataComp's ` +
        'models have GELU: put their open_clip_config.json beside the weights',
    );
  }
  return configured ?? 'quick_gelu';
}

/** TorchScript archives, which only OpenAI publishes, and files with one of their names. */
const isOpenAIs = ({ origin, format }: Pick<Checkpoint, 'origin' | 'format'>): boolean =>
  format === 'TorchScript archive' || MODELS.some(({ file }) => file !== null && file === basename(origin));

/** The last part of a path or URL. */
const basename = (path: string): string => path.replace(/^.*[\\/]/, '');

function warning(message: string): void {
  const { process } = globalThis as { process?: { emitWarning?: (message: string, options: object) => void } };
  if (process?.emitWarning !== undefined)
    process.emitWarning(message, { type: 'ClipOracleWarning', code: 'CLIP_ORACLE_ACTIVATION' });
  else console.warn(message);
}
