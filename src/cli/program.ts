// All commands with their arguments, options and help in one place. What they do is imported when it is asked for.

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { packageFile } from '../clip/package-file.ts';
import { CLAIMS } from '../oracle/types.ts';
import type { ClassifyOptions } from './commands/classify.ts';
import type { DownloadCommandOptions } from './commands/download.ts';
import type { GoldenCommandOptions } from './commands/golden.ts';
import type { InspectOptions } from './commands/inspect.ts';
import type { ModelsOptions } from './commands/models.ts';
import {
  addAnswerOptions,
  addCommonOptions,
  addComputeOptions,
  addImageOptions,
  addModelChanges,
  hideOptions,
  IMAGES,
  listOf,
  modelName,
  modelOption,
  oneOf,
  pipelineOption,
  positiveInteger,
  probability,
  seed,
  type Exit,
  type ImageOptions,
} from './options.ts';
import { printable } from './errors.ts';
import { examples, styleFor } from './terminal/style.ts';
import { defineSearch, defineZeroShot } from './text-commands.ts';
import type { TolerancesCommandOptions } from './commands/tolerances.ts';
import type { TraceCommandOptions } from './commands/trace.ts';
import { defineTrainHead } from './training-command.ts';
import type { VerifyCommandOptions } from './commands/verify.ts';

/** @param exit takes the exit code of the command that ran */
export function makeProgram(exit: Exit): Command {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  const program = new Command('clip-oracle');
  const style = styleFor(process.stdout);
  program
    .description("OpenAI's CLIP encoders on the CPU, in TypeScript alone, deterministic to the bit.")
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .exitOverride()
    .configureHelp({
      styleTitle: (text) => style('bold', text),
      styleCommandText: (text) => style('cyan', text),
      styleSubcommandText: (text) => style('cyan', text),
      styleOptionText: (text) => style('green', text),
    })
    .configureOutput({ outputError: (text, write) => write(`clip-oracle: ${printable(oneLine(text))}\n`) })
    .addHelpText(
      'after',
      examples([
        ['clip-oracle demo', 'see it work: no network, no files'],
        ['clip-oracle classify photo.jpg', 'name the emoji in a picture'],
        ['clip-oracle download ViT-L/14', "fetch OpenAI's weights"],
        ['clip-oracle embed photos --model ViT-L/14 --out features.npy', 'features of a folder'],
      ]),
    )
    .addHelpText(
      'after',
      '\nExit code 0: all done; 1: some image failed; 2: the command itself was wrong.\nEnvironment: ' +
        'CLIP_ORACLE_CACHE (folder of downloads), CLIP_ORACLE_BASE_URL, CLIP_ORACLE_DEBUG=1 (stack traces), ' +
        'NO_COLOR, FORCE_COLOR.',
    );
  defineEmbed(program.command('embed'), exit);
  defineClassify(program.command('classify'), exit);
  defineZeroShot(program.command('zero-shot'), exit);
  defineSearch(program.command('search'), exit);
  defineTrainHead(program.command('train-head'), exit);
  defineTrace(program.command('trace'), exit);
  defineVerify(program.command('verify'), exit);
  defineTolerances(program.command('tolerances'), exit);
  defineGolden(program.command('golden'), exit);
  defineModels(program.command('models'), exit);
  defineDownload(program.command('download'), exit);
  defineInspect(program.command('inspect'), exit);
  defineDemo(program.command('demo'), exit);
  return program;
}

function defineEmbed(command: Command, exit: Exit): void {
  command
    .summary('print the feature of each image, as JSON Lines')
    .description(
      'Prints the CLIP feature of each image: one JSON object per line, in input ' +
        'order,\n{"path","model","weights","pipeline","features":[…]}, or {"path","error"} for an image that ' +
        'cannot be read.',
    )
    .argument(...IMAGES);
  addModelChanges(addImageOptions(command)).option(
    '-o, --out <file>',
    'write to a file instead: .jsonl, .npy or .safetensors (NaN rows where an image failed)',
  );
  addCommonOptions(command)
    .action(async (images: string[], options: ImageOptions) =>
      exit(await (await import('./commands/embed.ts')).embed(images, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle embed photo.jpg', 'with the small model that comes along'],
        ['clip-oracle embed photos --model ViT-B/32 --normalize --out features.npy', 'a folder into one (N,512) array'],
        ['find . -name "*.png" | clip-oracle embed - --model RN50', 'a list of paths'],
        ['clip-oracle embed photo.jpg --model RN50 --weights synthetic:0', 'portable test weights, no download'],
        ['clip-oracle embed photo.jpg --model ViT-L/14 --residency half', 'the same numbers in about half the memory'],
        ['clip-oracle embed photo.jpg --model ViT-B/16 --adapter my-lora', 'with a LoRA adapter'],
      ]),
    );
}

function defineClassify(command: Command, exit: Exit): void {
  command
    .summary('name what is in each image')
    .description(
      'Sends each image through CLIP and a linear head to named classes. Without options: mini-vit and its ' +
        'head, which name the emoji in a picture.\n' +
        'A table on a terminal, else JSON Lines: {"path","label","top":[{"label","logit","probability"},…]}; ' +
        'with a one-output head {"path","label","logit","probability"}.\n' +
        'mini-vit is small and knows emoji only, one in a picture; similar faces, left and right, and clock ' +
        'times are confused.',
    )
    .argument(...IMAGES);
  addModelChanges(addImageOptions(command))
    .option(
      '--head <file>',
      'a head: .pth, .pt or .safetensors with weight (classes, E) and bias (default: the emoji head of mini-vit)',
    )
    .option('--labels <names>', "the classes' names: a,b,… or a file (.txt, one per line, or .json)")
    .addOption(
      new Option(
        '--threshold <p>',
        "a one-output head says yes above this probability (default: the head file's own, else 0.5)",
      ).argParser(probability),
    );
  addCommonOptions(addAnswerOptions(command, 'how many of the best classes', { logits: true }))
    .action(async (images: string[], options: ClassifyOptions) =>
      exit(await (await import('./commands/classify.ts')).classify(images, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle classify picture.png', 'which emoji is it?'],
        ['clip-oracle classify photos --format jsonl --top 1', 'one line per image'],
        [
          'clip-oracle classify photo.jpg --model ViT-L/14 --head fc_weights.pth --pipeline fake-detect ' +
            '--labels real,fake',
          'UniversalFakeDetect',
        ],
      ]),
    );
}

function defineTrace(command: Command, exit: Exit): void {
  command
    .summary("write every layer's output to a file, or its hash")
    .description(
      'Writes the output of every module under its PyTorch name (visual.layer1.0.conv1, …, visual for the ' +
        'features) and the input as image.\n' +
        'Several images make one batch. The metadata says which model, weights (with their SHA-256), pipeline, ' +
        'precision and numerics contract it was.\n' +
        '--hash prints "HEX  NAME" lines in the network\'s order and "HEX  all" at the end. HEX is the SHA-256 ' +
        "of a tensor's elements, row-major, little endian,\n" +
        'every NaN as 7fc00000 (float64: 7ff8000000000000); that of all is over the lines "HEX  NAME\\n", ' +
        "sorted by the names' bytes.",
    )
    .argument(...IMAGES);
  addImageOptions(command)
    .option(
      '--layers <glob>',
      'only these: * is a part of one component, ** anything, commas between several; such as ' +
        '"visual.layer1.**" or "**.attn,visual" (default: all)',
    )
    .option('--hash', 'print the hashes to standard output', false)
    .option('-o, --out <path>', 'where it goes: FILE.safetensors, FILE.npz, or a folder for .npy files');
  hideOptions(command, ['--normalize', '--batch']);
  addCommonOptions(command)
    .action(async (images: string[], options: TraceCommandOptions) =>
      exit(await (await import('./commands/trace.ts')).traceImages(images, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle trace photo.jpg --out trace.safetensors', 'all layers of the small model'],
        [
          'clip-oracle trace photo.jpg --model RN50 --weights synthetic:0 --hash',
          'the conformance artefact: no download, the same on every machine',
        ],
        [
          'clip-oracle trace --input dump.safetensors --model ViT-B/32 --layers "**.attn" --out attention.npz',
          'some layers, on the input of another dump',
        ],
        [
          'clip-oracle trace photo.jpg --model RN50 --precision float64 --out truth',
          'the truth, as a folder of .npy files',
        ],
      ]),
    );
}

function defineVerify(command: Command, exit: Exit): void {
  command
    .summary('say which layer of another backend is wrong')
    .description(
      "Compares a dump of another backend with this project's float32 and the float64 truth, layer by layer, " +
        'and names the first layer that is wrong.\n' +
        "rho is the backend's error over that of this project's float32: up to 4 is as good as float32 gets, " +
        'above 16 is wrong; bits = 24 - log2(rho).\n' +
        "A dump (.safetensors, .npz, or a folder of .npy) names its tensors by PyTorch's module paths, " +
        'visual.layer1.0.conv1, and has its input as image; some layers\n' +
        'are enough. NCHW or NHWC, float32, float64, float16 or bfloat16. Exit code 1: some layer is wrong.',
    )
    .argument('<dump>', 'FILE.safetensors, FILE.npz, or a folder of .npy files')
    .addOption(
      new Option(
        '-m, --model <name>',
        "model by name (see `clip-oracle models`) or a checkpoint's path (default: what the dump says, or its shapes)",
      ).argParser(modelName),
    )
    .option(
      '-w, --weights <file>',
      'weights: a file, a folder of shards, or synthetic:SEED (default: a seed in the dump, else the download ' +
        'of that name)',
    )
    .addOption(
      new Option('--claims <precision>', `what the backend computes in: ${CLAIMS.join(', ')}`)
        .default('float32')
        .argParser(oneOf(CLAIMS)),
    )
    .option(
      '--tolerances <file>',
      "limits of that precision, from clip-oracle tolerances (default: it is emulated on the dump's own image)",
    )
    .option(
      '--teacher-forced',
      "give each layer the backend's own inputs, so that each verdict is the layer's own",
      false,
    )
    .option('--map <file>', 'JSON {"their name": "our path"}, for dumps with other names; the input is "image"')
    .option('--html <file>', 'write a report to look at')
    .option('--json', 'print one JSON object', false)
    .option('--image <file>', "the image that the backend was given (default: the dump's tensor image)")
    .addOption(pipelineOption('how its pixels are made'))
    .option('-i, --input <file[:tensor]>', 'the pixels (N,3,R,R) that the backend was given, in a .safetensors file')
    .option('--no-causes', 'do not look for causes');
  addCommonOptions(addComputeOptions(command))
    .action(async (dump: string, options: VerifyCommandOptions) =>
      exit(await (await import('./commands/verify.ts')).verifyDump(dump, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle verify dump.safetensors --model RN50', 'the dump has its input'],
        [
          'clip-oracle verify dump.npz --model ViT-B/32 --claims float16 --html report.html',
          'held to what float16 earns',
        ],
        [
          'clip-oracle verify dump --map names.json --teacher-forced --json',
          'a folder of .npy files with names of its own',
        ],
      ]),
    );
}

function defineTolerances(command: Command, exit: Exit): void {
  command
    .summary('say how far off each layer may be, per precision')
    .description(
      'Measures what each precision earns on a model: the same network is computed with storage, operands and ' +
        'sums rounded as that precision has them, in several\n' +
        'variants, and compared with the float64 truth layer by layer. A backend that claims the precision ' +
        'passes up to twice the error of the largest variant\n' +
        "(float32: four times this project's own error), and is plausible up to four times (float32: sixteen).\n" +
        'Prints a table; --json prints every number for test suites in other languages (schema/tolerances.json).',
    )
    .addOption(modelOption())
    .option(
      '-w, --weights <file>',
      'weights: a file, a folder of shards, or synthetic:SEED (default: the download of that name)',
    )
    .addOption(
      new Option('--claims <list>', `some of ${CLAIMS.join(',')} (default: all)`)
        .default(CLAIMS, 'all')
        .argParser(listOf(CLAIMS)),
    )
    .addOption(
      new Option('--images <n>', 'synthetic images to measure on; the largest error of all counts')
        .default(2)
        .argParser(positiveInteger),
    )
    .option('--json', 'print JSON', false)
    .option('-o, --out <file>', 'write the JSON to a file, for verify --tolerances');
  addCommonOptions(addComputeOptions(command))
    .action(async (options: TolerancesCommandOptions) =>
      exit(await (await import('./commands/tolerances.ts')).printTolerances(options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle tolerances --model RN50 --weights synthetic:0', 'a table'],
        [
          'clip-oracle tolerances --model ViT-B/32 --claims float16,bfloat16 --out vit.json',
          'for verify --tolerances, or your own tests',
        ],
      ]),
    );
}

function defineGolden(command: Command, exit: Exit): void {
  command
    .summary("make a golden pack for another project's tests, or check a dump with one")
    .description(
      'Writes what a model gives for synthetic weights and the synthetic image: for every layer its hash in ' +
        'float32, samples of the float64 truth and the tolerance of each\n' +
        'precision, with a README that says how to make weights and image and how to compare, in any language. ' +
        '25 to 500 kB, to be checked into a repository.\n' +
        '--check compares a dump with a pack, by hashes and samples; exit code 1: some layer is wrong. (verify ' +
        'compares every element, and looks for causes.)',
    )
    .addOption(new Option('-m, --model <name>', 'model by name (see `clip-oracle models`)'))
    .option('--all', "OpenAI's nine, each in a folder of its name", false)
    .addOption(new Option('--seed <n>', 'of the weights and the image').default(0).argParser(seed))
    .addOption(
      new Option(
        '--claims <list>',
        `tolerances of these: some of ${CLAIMS.join(',')} (default: all); with --check the one that the dump ` +
          'is held to (default: float32)',
      ).argParser(listOf(CLAIMS)),
    )
    .option('-o, --out <folder>', 'where the pack goes')
    .option('--check <dump>', 'a dump of the same image through the same weights')
    .option('--pack <folder>', 'the pack it is compared with')
    .option('--map <file>', 'JSON {"their name": "our path"}, for dumps with other names')
    .option('--json', 'print the comparison as one JSON object', false)
    .addOption(
      new Option('-t, --threads <n>', 'threads that compute (default: one per core); the bits are the same').argParser(
        positiveInteger,
      ),
    );
  addCommonOptions(command)
    .action(async (options: GoldenCommandOptions) => exit(await (await import('./commands/golden.ts')).golden(options)))
    .addHelpText(
      'after',
      examples([
        ['clip-oracle golden --model ViT-B/32 --seed 0 --out golden/ViT-B-32', 'one pack'],
        ['clip-oracle golden --all --out golden', 'packs of the nine architectures'],
        ['clip-oracle golden --check dump.npz --pack golden/ViT-B-32 --claims float16', 'no model, no weights needed'],
      ]),
    );
}

function defineModels(command: Command, exit: Exit): void {
  command
    .summary('list the models')
    .description(
      'Lists the models: feature width, resolution, parameters, multiply-accumulates per image, memory, and ' +
        'whether the weights are here.',
    )
    .option('--json', 'as JSON', false)
    .option('--root <folder>', 'the cache folder (default: CLIP_ORACLE_CACHE, else ~/.cache/clip)')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .action(async (options: ModelsOptions) => exit(await (await import('./commands/models.ts')).models(options)))
    .addHelpText(
      'after',
      examples([
        ['clip-oracle models', 'a table'],
        ['clip-oracle models --json', 'for programs'],
      ]),
    );
}

function defineDownload(command: Command, exit: Exit): void {
  command
    .summary("fetch OpenAI's weights into the cache")
    .description(
      "Fetches OpenAI's checkpoints into the cache folder that OpenAI's own package uses, and prints their " +
        'paths. Continues where an earlier attempt ended;\n' +
        'a file gets its name only after its SHA-256 is right.',
    )
    .argument('[model...]', 'RN50, RN101, RN50x4, RN50x16, RN50x64, ViT-B/32, ViT-B/16, ViT-L/14, ViT-L/14@336px')
    .option('--all', 'all nine (5.5 GB)', false)
    .option(
      '--base-url <url>',
      "where the files lie, as URL/SHA256/FILE (default: CLIP_ORACLE_BASE_URL, else OpenAI's)",
    )
    .option('--root <folder>', 'the cache folder (default: CLIP_ORACLE_CACHE, else ~/.cache/clip)')
    .option('--verify', 'check the SHA-256 of files that are there already', false)
    .addOption(new Option('--retries <n>', 'attempts after a broken connection').default(5).argParser(positiveInteger))
    .addOption(
      new Option('--stall-timeout <seconds>', 'a connection without a byte for so long is broken')
        .default(30)
        .argParser(positiveInteger),
    );
  addCommonOptions(command)
    .action(async (names: string[], options: DownloadCommandOptions) =>
      exit(await (await import('./commands/download.ts')).downloadModels(names, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle download ViT-B/32', '354 MB to ~/.cache/clip/ViT-B-32.pt'],
        ['clip-oracle download RN50 ViT-L/14 --base-url https://mirror.example/clip', 'from a mirror'],
      ]),
    );
}

function defineInspect(command: Command, exit: Exit): void {
  command
    .summary('say what is in a weight file')
    .description(
      'Says what a file holds: format, key layout, architecture, tensors, and whether a value is NaN or ' +
        'infinite. Nothing in it is executed.',
    )
    .argument(
      '<file>',
      'a checkpoint, a head, a dump: .pt, .pth, .bin, .safetensors, an index of shards or a folder of them',
    )
    .option('--json', 'as JSON', false)
    .option('--headers-only', 'do not read the values', false)
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .action(async (file: string, options: InspectOptions) =>
      exit(await (await import('./commands/inspect.ts')).inspect(file, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle inspect ~/.cache/clip/RN50.pt', 'which model is it?'],
        ['clip-oracle inspect model.safetensors --json', 'for programs'],
      ]),
    );
}

function defineDemo(command: Command, exit: Exit): void {
  command
    .summary('see it work: no network, no files needed')
    .description(
      'Two demonstrations. A picture goes through preprocessing, mini-vit and its head to named classes. Then ' +
        'the full-size RN50, with synthetic weights,\n' +
        "on a real photograph: its 1024 numbers beside PyTorch's, how far apart they are, and how long each " +
        'stage took.',
    );
  addCommonOptions(command)
    .action(async (options: { quiet?: boolean }) => exit(await (await import('./commands/demo.ts')).demo(options)))
    .addHelpText('after', examples([['clip-oracle demo', 'two seconds']]));
}

/** commander's message as one line: `error:` goes, its suggestion in brackets stays. */
function oneLine(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .trim();
  return /[.?)]$/.test(line) ? line : `${line}; see clip-oracle --help`;
}
