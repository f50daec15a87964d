// Which activation the transformers have. No tensor says so: OpenAI trained with QuickGELU, LAION mostly with GELU, and
// the features of the wrong one are wrong by a few per cent without anything failing. So it is asked for where nothing
// says it, and a warning is printed where the evidence is contradictory.

import type { Checkpoint } from './checkpoint.ts';
import type { Activation } from '../../layers/index.ts';
import type { Architecture } from '../architecture.ts';
import { MODELS, type ModelEntry } from '../models.ts';
import { releasedActivation } from './releases.ts';

export type { Activation };

/** The activation of each tower's transformer. */
export interface Activations {
  readonly vision: Activation;
  readonly text: Activation;
}

const ACTIVATIONS: readonly Activation[] = ['quick_gelu', 'gelu'];

/** What is known about the weights besides the file. */
export interface AboutActivation {
  /** What the caller says, which goes before everything. */
  readonly asked?: Activation;
  /** The model that was asked for by its name: this project's own tiny and mini models have QuickGELU. */
  readonly entry?: ModelEntry | null;
  /** Where no transformer is in it, nothing needs to be said. */
  readonly architecture?: Architecture;
}

const OPTION = "say --activation gelu or quick_gelu (load: { activation: 'gelu' })";

/**
 * What was asked for; else OpenAI's own files have QuickGELU, whatever is beside them; else what the configuration
 * beside the weights says (`config.json`, `open_clip_config.json`); else what open_clip's table says of a release of
 * that name; else QuickGELU, with a warning.
 * @param warn is called with one sentence where the evidence is contradictory, or there is none
 * @throws Error if the file names another activation
 */
export function activationsOf(
  checkpoint: Pick<Checkpoint, 'origin' | 'format' | 'metadata'>,
  { asked, entry = null, architecture }: AboutActivation,
  warn: (message: string) => void,
): Activations {
  if (asked !== undefined) return both(asked);
  const { origin, format } = checkpoint;
  const configured = configuredActivations(checkpoint);
  if (isOpenAIs(checkpoint)) {
    if (configured !== null && [configured.vision, configured.text].includes('gelu')) {
      warn(
        `"${origin}" is one of OpenAI's files, trained with QuickGELU, but the configuration beside it says ` +
          "GELU. QuickGELU is computed; if these are other weights under OpenAI's file name, rename the file or " +
          `${OPTION}, and if not, correct or move the configuration`,
      );
    }
    return both('quick_gelu');
  }
  if (configured !== null) return configured;
  const released = releasedActivation(origin);
  if (released !== null) return both(released);
  const own = entry !== null && entry.file === null;
  const reluOnly = architecture?.vision?.kind === 'ModifiedResNet' && architecture.text === null;
  if (format !== 'synthetic' && !own && !reluOnly) {
    warn(
      `"${origin}": nothing says which activation these weights were trained with, and no tensor shows it. ` +
        "QuickGELU is computed, as OpenAI's models have it; LAION's, DataComp's and what open_clip trains by default " +
        `have GELU: ${OPTION}, or put the model's open_clip_config.json or config.json beside the weights`,
    );
  }
  return both('quick_gelu');
}

/** @throws RangeError for something else than undefined and the two names */
export function checkActivation(asked: unknown): void {
  if (asked !== undefined && !ACTIVATIONS.includes(asked as Activation))
    throw new RangeError(`load: "activation" expected quick_gelu or gelu, got ${String(asked)}`);
}

const both = (activation: Activation): Activations => ({ vision: activation, text: activation });

/** What the configuration, or the file itself, says. */
function configuredActivations({ origin, metadata }: Pick<Checkpoint, 'origin' | 'metadata'>): Activations | null {
  const { hidden_act: vision, text_hidden_act: text = vision } = metadata;
  if (vision === undefined) return null;
  for (const name of [vision, text]) {
    if (!ACTIVATIONS.includes(name as Activation))
      throw new Error(
        `"${origin}" names the activation ${JSON.stringify(name).slice(0, 60)}, expected "quick_gelu" or "gelu"; ` +
          'only those can be computed',
      );
  }
  return { vision: vision as Activation, text: text as Activation };
}

/** TorchScript archives, which only OpenAI publishes, and files with one of their names. */
const isOpenAIs = ({ origin, format }: Pick<Checkpoint, 'origin' | 'format'>): boolean =>
  format === 'TorchScript archive' || MODELS.some(({ file }) => file !== null && file === basename(origin));

/** The last part of a path or URL. */
const basename = (path: string): string => path.replace(/^.*[\\/]/, '');

/** Node's warnings, on standard error; elsewhere the console. */
export function warn(message: string, code: 'CLIP_ORACLE_ACTIVATION' | 'CLIP_ORACLE_ADAPTER'): void {
  const { process } = globalThis as { process?: { emitWarning?: (message: string, options: object) => void } };
  if (process?.emitWarning !== undefined) process.emitWarning(message, { type: 'ClipOracleWarning', code });
  else console.warn(message);
}
