// The options that commands share, as tables; a command spreads the groups that it has into its own table. Nothing
// heavy is imported: this runs for --help too.

import type { PreprocessOptions } from '../clip/image/preprocess.ts';
import type { Limits } from '../formats/limits.ts';
import { choice, file, flag, value, type ArgumentSpec, type OptionSpec, type OptionsOf } from './command.ts';
import { anyNumber, limit, listOf, modelName, oneOf, positiveInteger } from './values.ts';

const PIPELINES = ['openai', 'huggingface', 'huggingface-torchvision', 'fake-detect', 'immich'] as const;
const EXECUTORS = ['auto', 'reference', 'simd'] as const;
/** The parts of an attention's input projection that a loralib adapter may change. */
export const PARTS = ['q', 'k', 'v'] as const;

/** The images of a command that takes several. */
export const images = {
  name: '[image...]',
  help: 'files, folders (walked; JPEG, PNG, WebP, GIF, BMP, TIFF), or - for paths on standard input',
} as const satisfies ArgumentSpec;

export const model = value(
  '-m, --model <name>',
  "model by name (see `clip-oracle models`) or a checkpoint's path",
  modelName,
  { default: 'mini-vit' as string, shown: 'mini-vit, which comes with the package' },
);

export const weights = file(
  '-w, --weights <file>',
  'weights: a file, a folder of shards, or synthetic:SEED (default: the download of that name)',
);

/** @param what they decide about */
export const pipeline = (what: string) =>
  choice(
    '-p, --pipeline <name>',
    `${what}: ${PIPELINES.join(', ')} (default: as the configuration beside the weights says, else openai)`,
    PIPELINES,
    oneOf,
  );

/** How pictures are read. */
export const pictureOptions = {
  exifOrientation: flag('--exif-orientation', 'turn pictures as their EXIF orientation says (default: as stored)'),
  tolerateTruncated: flag(
    '--tolerate-truncated',
    'read pictures that are cut off as far as they go, with the pixels of Pillow under LOAD_TRUNCATED_IMAGES',
  ),
  allowUrls: flag('--allow-urls', 'fetch pictures that are named by an https: or http: address'),
};

/** What `preprocess` takes for them. */
export const pixelOptions = ({
  pipeline,
  exifOrientation,
  tolerateTruncated,
  allowUrls,
}: OptionsOf<typeof pictureOptions> & Pick<PreprocessOptions, 'pipeline'>): PreprocessOptions => ({
  pipeline,
  exifOrientation: exifOrientation === true,
  tolerateTruncated: tolerateTruncated === true,
  fetch: allowUrls ? globalThis.fetch : undefined,
});

/** Of commands that send images through a model. */
export const imageOptions = {
  model,
  weights,
  pipeline: pipeline('how pixels are made'),
  ...pictureOptions,
  normalize: flag('--normalize', 'divide each feature by its length (default: as the encoder gives it)'),
  threads: value(
    '-t, --threads <n>',
    'threads that compute with simd, at most one per core (default: all that help); the bits are the same',
    positiveInteger,
  ),
  precision: choice(
    '--precision <name>',
    'float32, or float64 (the truth, slower: docs/benchmarks.md has the figure)',
    ['float32', 'float64'],
    oneOf,
    { default: 'float32' },
  ),
  executor: choice(
    '--executor <name>',
    'simd, reference (plain loops, one thread), or auto: simd where the engine has it; the bits are the same',
    EXECUTORS,
    oneOf,
    { default: 'auto' },
  ),
  residency: choice(
    '--residency <name>',
    'half keeps the matrices of fp16 checkpoints as fp16: about half the memory; the bits are the same',
    ['single', 'half'],
    oneOf,
    { default: 'single' },
  ),
  batch: value('-b, --batch <n>', 'images per forward pass; the bits are the same', positiveInteger, { default: 1 }),
  strict: flag('--strict', 'fail (exit code 1) if folders hold files that are no images, which are passed over', false),
  null: flag('-0, --null', 'paths on standard input end with a NUL, as `find -print0` writes them'),
  input: file('-i, --input <file[:tensor]>', 'ready pixels (N,3,R,R) in a .safetensors file, instead of images'),
};

/** Of commands that load a model. */
export const activationOption = {
  activation: choice(
    '--activation <name>',
    'quick_gelu or gelu: what the transformers were trained with (default: as the file, the configuration beside it ' +
      'or the name of a published file says, else quick_gelu with a warning)',
    ['quick_gelu', 'gelu'],
    oneOf,
  ),
};

/** Of commands that can change a model: by an adapter, by another input size. */
export const modelChanges = {
  ...activationOption,
  adapter: file(
    '--adapter <path>',
    "a LoRA adapter, added to the weights: PEFT's folder, or a file of CLIP-LoRA's or loralib's",
  ),
  adapterAlpha: value('--adapter-alpha <n>', 'lora_alpha of a loralib adapter, whose file does not hold it', anyNumber),
  adapterParts: value(
    '--adapter-parts <list>',
    'which of q,k,v a loralib adapter changes, if not all: q,v',
    listOf(PARTS),
  ),
  peftAsIs: flag(
    '--peft-as-is',
    'count out_proj of nn.MultiheadAttention twice, as PEFT 0.21 does, training included ' + '(huggingface/peft#3774)',
  ),
  tower: choice(
    '--tower <name>',
    'vision or text: one tower of a file, whatever the other is (default: both, or what can be computed)',
    ['both', 'vision', 'text'],
    oneOf,
  ),
  resolution: value(
    '--resolution <n>',
    'another input size than the trained one: positions are interpolated; a multiple of the patch (ResNets: of 32)',
    positiveInteger,
  ),
};

/** Of commands that compute several networks. */
export const computeOptions = {
  threads: value(
    '-t, --threads <n>',
    'threads that compute, at most one per core (default: all that help)',
    positiveInteger,
  ),
  executor: choice('--executor <name>', 'simd, reference (plain loops, one thread), or auto', EXECUTORS, oneOf, {
    default: 'auto',
  }),
};

/** Of commands that answer with the best of something. @param what --top counts */
export const topOption = (what: string) => ({ top: value('--top <k>', what, positiveInteger, { default: 5 }) });

/** Of commands that classify images. */
export const logitsOption = { logits: flag('--logits', 'add all logits to each line', false) };

/** Of commands that print a table for people, or JSON Lines for programs. */
export const answerOptions = {
  format: choice('--format <name>', 'jsonl or table (default: table on a terminal)', ['jsonl', 'table'], oneOf),
  out: file('-o, --out <file>', 'write to a file instead'),
};

/** Of commands that use the folder of downloads. */
export const cacheRoot = file('--root <folder>', 'the cache folder (default: CLIP_ORACLE_CACHE, else ~/.cache/clip)');

export const noColor = { color: flag('--no-color', 'no colours (NO_COLOR does the same)') };

/** Of commands that read files. */
export const limitOption: OptionSpec<Partial<Limits> | undefined> = {
  kind: 'text',
  flags: '--limit <name=n>',
  help: 'raise a limit for files that are to be trusted: pixels=200000000 (docs/limits.md has all); may be repeated',
  parse: limit,
};

/** Of nearly every command. */
export const commonOptions = {
  limit: limitOption,
  quiet: flag('-q, --quiet', 'no progress, no messages but errors'),
  ...noColor,
};

export type ModelChanges = Partial<OptionsOf<typeof modelChanges>>;
export type ImageOptions = OptionsOf<typeof imageOptions> & ModelChanges & { quiet?: boolean; out?: string };
export type AnswerOptions = OptionsOf<typeof answerOptions>;

/** Whether the answer is a table: as asked for, else on a terminal. */
export const isTable = ({ format, out }: AnswerOptions): boolean =>
  format === undefined ? process.stdout.isTTY && out === undefined : format === 'table';
