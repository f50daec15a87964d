// The options that commands share, and how their values are read. Nothing heavy is imported: this runs for --help too.

import { existsSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LoadOptions } from '../clip/load.ts';
import { availableModels } from '../clip/models.ts';
import { CommandError } from './errors.ts';
import { closest } from './suggest.ts';

const PIPELINES = ['openai', 'huggingface', 'fake-detect'];
const PRECISIONS = ['float32', 'float64'];
const EXECUTORS = ['auto', 'reference', 'simd'];
const RESIDENCIES = ['single', 'half'];
const PARTS = ['q', 'k', 'v'];

/** Of commands that take a model with changes. */
export interface ModelChanges {
  adapter?: string;
  adapterAlpha?: number;
  adapterParts?: string[];
  peftAsIs?: boolean;
  resolution?: number;
}

/** Of `embed` and `classify`. */
export interface ImageOptions extends ModelChanges {
  model: string;
  weights?: string;
  pipeline: 'openai' | 'huggingface' | 'fake-detect';
  normalize?: boolean;
  threads?: number;
  precision: 'float32' | 'float64';
  executor: 'auto' | 'reference' | 'simd';
  residency: 'single' | 'half';
  batch: number;
  input?: string;
  out?: string;
  quiet?: boolean;
}

/** Of commands that print a table for people, or JSON Lines for programs. */
export interface AnswerOptions {
  top: number;
  format?: 'jsonl' | 'table';
  out?: string;
}

/** Whether the answer is a table: as asked for, else on a terminal. */
export const isTable = ({ format, out }: Pick<AnswerOptions, 'format' | 'out'>): boolean =>
  format === undefined ? process.stdout.isTTY && out === undefined : format === 'table';

/** Takes the exit code of the command that ran. */
export type Exit = (code: number) => void;

/** The images of a command that takes several, as `.argument` wants them. */
export const IMAGES = [
  '[image...]',
  'files, folders (walked; .jpg, .jpeg, .png, .webp), or - for paths on standard input',
] as const;

/** One of a few words. */
export function oneOf(words: readonly string[]): (value: string) => string {
  return (value) => {
    if (words.includes(value)) return value;
    throw new InvalidArgumentError(`Expected ${list(words)}${didYouMean(value, words)}`);
  };
}

/** Some of a few words, with commas between. */
export function listOf(words: readonly string[]): (value: string) => string[] {
  return (value) => [...new Set(value.split(',').map((word) => oneOf(words)(word.trim())))];
}

/** A whole number of at least 1. */
export function positiveInteger(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return number;
}

/** Any number. */
function anyNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) throw new InvalidArgumentError('Expected a number.');
  return number;
}

/** A seed of synthetic weights: 32 bits. */
export function seed(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > 0xffffffff)
    throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.');
  return number;
}

/** A number from 0 to 1. */
export function probability(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !(number >= 0 && number <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return number;
}

/**
 * What `load` takes for the changes that were asked for.
 * @throws CommandError for what an adapter needs, without one
 */
export function loadedChanges({
  adapter: path,
  adapterAlpha: alpha,
  adapterParts: parts,
  peftAsIs,
  resolution,
}: ModelChanges): Pick<LoadOptions, 'adapter' | 'resolution'> {
  if (path === undefined) {
    const alone =
      alpha !== undefined
        ? '--adapter-alpha'
        : parts !== undefined
          ? '--adapter-parts'
          : peftAsIs
            ? '--peft-as-is'
            : null;
    if (alone !== null)
      throw new CommandError(`${alone} expected --adapter, got none; name the adapter, or leave it out`);
    return { resolution };
  }
  return {
    resolution,
    adapter: {
      path,
      ...(alpha !== undefined && { alpha }),
      ...(peftAsIs && { peftAsIs }),
      ...(parts !== undefined && { enableLora: PARTS.map((part) => parts.includes(part)) }),
    },
  };
}

/** A model's name, or the path of a checkpoint. */
export function modelName(value: string): string {
  if (availableModels().includes(value) || existsSync(value)) return value;
  throw new InvalidArgumentError(unknownModel(value, availableModels()));
}

/** What is said about a name that is no model. */
export function unknownModel(value: string, names: readonly string[]): string {
  const meant = didYouMean(value, names);
  return meant === '.'
    ? `Expected ${list(names)}, or the path of a checkpoint.`
    : `There is no such model or file${meant}`;
}

function didYouMean(value: string, words: readonly string[]): string {
  const word = closest(value, words);
  return word === null ? '.' : `; did you mean ${word}?`;
}

const list = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

export const modelOption = (): Option =>
  new Option('-m, --model <name>', "model by name (see `clip-oracle models`) or a checkpoint's path")
    .default('mini-vit', 'mini-vit, which comes with the package')
    .argParser(modelName);

export const pipelineOption = (what: string): Option =>
  new Option('-p, --pipeline <name>', `${what}: openai, huggingface or fake-detect`)
    .default('openai')
    .argParser(oneOf(PIPELINES));

/** Adds who computes, of a command that computes several networks. */
export function addComputeOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-t, --threads <n>', 'threads that compute (default: one per core)').argParser(positiveInteger),
    )
    .addOption(
      new Option('--executor <name>', 'simd, reference (plain loops, one thread), or auto')
        .default('auto')
        .argParser(oneOf(EXECUTORS)),
    );
}

/**
 * Adds the options of a command that sends images through a model. @param model --model, if it says something else than
 * all others
 */
export function addImageOptions(command: Command, model: Option = modelOption()): Command {
  return command
    .addOption(model)
    .addOption(
      new Option(
        '-w, --weights <file>',
        'weights: a file, a folder of shards, or synthetic:SEED (default: the download of that name)',
      ),
    )
    .addOption(pipelineOption('how pixels are made'))
    .addOption(new Option('--normalize', 'divide each feature by its length (default: as the encoder gives it)'))
    .addOption(
      new Option(
        '-t, --threads <n>',
        'threads that compute with simd (default: one per core); the bits are the same',
      ).argParser(positiveInteger),
    )
    .addOption(
      new Option('--precision <name>', 'float32, or float64 (the truth, in two to four times the time)')
        .default('float32')
        .argParser(oneOf(PRECISIONS)),
    )
    .addOption(
      new Option(
        '--executor <name>',
        'simd, reference (plain loops, one thread), or auto: simd where the engine has it; the bits are the same',
      )
        .default('auto')
        .argParser(oneOf(EXECUTORS)),
    )
    .addOption(
      new Option(
        '--residency <name>',
        'half keeps the matrices of fp16 checkpoints as fp16: about half the memory; the bits are the same',
      )
        .default('single')
        .argParser(oneOf(RESIDENCIES)),
    )
    .addOption(
      new Option('-b, --batch <n>', 'images per forward pass; the bits are the same')
        .default(1)
        .argParser(positiveInteger),
    )
    .addOption(
      new Option('-i, --input <file[:tensor]>', 'ready pixels (N,3,R,R) in a .safetensors file, instead of images'),
    );
}

/** Adds the options that change a model: an adapter, another input size. */
export function addModelChanges(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--adapter <path>',
        "a LoRA adapter, added to the weights: PEFT's folder, or a file of CLIP-LoRA's or loralib's",
      ),
    )
    .addOption(
      new Option('--adapter-alpha <n>', 'lora_alpha of a loralib adapter, whose file does not hold it').argParser(
        anyNumber,
      ),
    )
    .addOption(
      new Option('--adapter-parts <list>', 'which of q,k,v a loralib adapter changes, if not all: q,v').argParser(
        listOf(PARTS),
      ),
    )
    .addOption(
      new Option(
        '--peft-as-is',
        'count out_proj of nn.MultiheadAttention twice, as PEFT is reported to do, training included ' +
          '(huggingface/peft#3774)',
      ),
    )
    .addOption(
      new Option(
        '--resolution <n>',
        'another input size than the trained one: positions are interpolated; a multiple of the patch (ResNets: of 32)',
      ).argParser(positiveInteger),
    );
}

/** Adds the options of a command that answers with the best of something. @param top what --top says */
export function addAnswerOptions(command: Command, top: string, { logits }: { logits: boolean }): Command {
  command.addOption(new Option('--top <k>', top).default(5).argParser(positiveInteger));
  if (logits) command.option('--logits', 'add all logits to each line', false);
  return command
    .addOption(
      new Option('--format <name>', 'jsonl or table (default: table on a terminal)').argParser(
        oneOf(['jsonl', 'table']),
      ),
    )
    .option('-o, --out <file>', 'write to a file instead');
}

/** Leaves options out of the help that make no sense to a command, by their long names. */
export function hideOptions(command: Command, names: readonly string[]): void {
  for (const option of command.options) if (names.includes(option.long ?? '')) option.hideHelp();
}

/** Adds the options that nearly every command has. */
export function addCommonOptions(command: Command): Command {
  return command
    .addOption(new Option('-q, --quiet', 'no progress, no messages but errors'))
    .addOption(new Option('--no-color', 'no colours (NO_COLOR does the same)'));
}
