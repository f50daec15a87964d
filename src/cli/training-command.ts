// The command that trains, with its arguments, options and help; program.ts adds it.

import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  addCommonOptions,
  addImageOptions,
  addModelChanges,
  hideOptions,
  positiveInteger,
  seed,
  type Exit,
} from './options.ts';
import { examples } from './terminal/style.ts';
import type { TrainHeadCommandOptions } from './commands/train-head.ts';

export function defineTrainHead(command: Command, exit: Exit): void {
  command
    .summary('train a linear head on features, or on images in folders by class')
    .description(
      'Trains an fc head for `classify --head` by logistic regression: C·Σ loss + ½·Σ W² is minimised, as ' +
        "scikit-learn's LogisticRegression does it, to the same numbers.\n" +
        'Two classes make a head with one output (the probability of the second), more make one output each. A ' +
        'fifth of each class is held out to measure on\n' +
        'and to choose the threshold by. Prints accuracy (of each class too) and average precision. The same ' +
        'input gives the same bits on every machine.',
    )
    .argument(
      '<features|folder...>',
      'files that embed --out wrote (.npy, .npz, .safetensors, .jsonl) with --labels; or folders, each with ' +
        'one folder of images per class',
    )
    .option(
      '--labels <file>',
      'the rows\' labels: one per line; .csv with path,label; .json, a list or {"path": "label"}',
    )
    .addOption(
      new Option(
        '--classes <names>',
        'the classes in order, a,b,…; of two, the second is what a yes means (default: sorted)',
      ).argParser((value) => value.split(',').map((name) => name.trim())),
    )
    .addOption(new Option('--C <n>', 'inverse strength of the penalty (default: 1)').argParser(positive))
    .addOption(
      new Option('--l2 <n>', "the penalty instead: mean loss + l2/2·Σ W², PyTorch's weight_decay").argParser(positive),
    )
    .addOption(
      new Option('--validation <share>', 'the share of each class that is held out; 0: none')
        .default(0.2)
        .argParser(share),
    )
    .addOption(new Option('--seed <n>', 'which are held out').default(0).argParser(seed))
    .option('--balanced', 'weigh classes as if all had equally many samples', false)
    .addOption(new Option('--max-iterations <n>', 'of the optimiser').default(1000).argParser(positiveInteger))
    .option('--json', 'print one JSON object', false)
    .addOption(
      new Option(
        '-o, --out <file>',
        'where the head goes: .safetensors (with names and threshold), .pth for PyTorch; may be given twice',
      )
        .default([], '')
        .argParser((file, files: string[]) => [...files, file]),
    );
  addModelChanges(addImageOptions(command));
  hideOptions(command, ['--input']);
  addCommonOptions(command)
    .action(async (inputs: string[], options: TrainHeadCommandOptions) =>
      exit(await (await import('./commands/train-head.ts')).trainHeadOn(inputs, options, command)),
    )
    .addHelpText(
      'after',
      examples([
        [
          'clip-oracle train-head photos --model ViT-L/14 --pipeline fake-detect --classes 0_real,1_fake --out ' +
            'head.safetensors --out fc_weights.pth',
          'photos/0_real and photos/1_fake',
        ],
        ['clip-oracle embed photos --model ViT-B/32 --out features.safetensors', 'or embed once …'],
        [
          'clip-oracle train-head features.safetensors --labels labels.csv --C 10 --out head.safetensors',
          '… and train often',
        ],
        ['clip-oracle classify new.jpg --model ViT-B/32 --head head.safetensors', 'and use it'],
      ]),
    );
}

function positive(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !(number > 0 && number < Infinity))
    throw new InvalidArgumentError('Expected a positive number.');
  return number;
}

function share(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !(number >= 0 && number < 1))
    throw new InvalidArgumentError('Expected a share from 0 to below 1.');
  return number;
}
