// The commands that read texts, with their arguments, options and help; program.ts adds them.

import { Option, type Command } from 'commander';
import {
  addAnswerOptions,
  addCommonOptions,
  addImageOptions,
  addModelChanges,
  hideOptions,
  IMAGES,
  modelName,
  type Exit,
} from './options.ts';
import type { SearchOptions } from './commands/search.ts';
import { examples } from './terminal/style.ts';
import type { ZeroShotOptions } from './commands/zero-shot.ts';

export function defineZeroShot(command: Command, exit: Exit): void {
  command
    .summary('say which of some texts fits each image best')
    .description(
      "Ranks texts by how well they describe each image: cosine similarity times the model's temperature, " +
        'softmax over all texts.\n' +
        'A table on a terminal, else JSON Lines: {"path","label","top":[{"label","logit","probability"},…]}.\n' +
        'Without texts, mini-vit chooses among the 1,427 names of the emoji that it was trained on. It is ' +
        'small and knows nothing else: words outside those names mean nothing to it.',
    )
    .argument(...IMAGES);
  addModelChanges(addImageOptions(command))
    .option(
      '--prompt <text...>',
      'a text to choose from, as it stands; several, or the option several times (after the images)',
    )
    .option(
      '--labels-file [file]',
      'names to choose from, one per line or a .json list, put into the template (default: the bundled 1,427 names)',
    )
    .option('--template <text>', 'the text around a name, with {} for the name (default for names: "a picture of {}")')
    .option('--truncate', 'cut texts of more than 77 tokens instead of refusing them', false);
  hideOptions(command, ['--normalize']);
  addCommonOptions(addAnswerOptions(command, 'how many of the best texts', { logits: true }))
    .action(async (images: string[], options: ZeroShotOptions) =>
      exit(await (await import('./commands/zero-shot.ts')).zeroShot(images, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle zero-shot picture.png', 'which of 1,427 names?'],
        [
          'clip-oracle zero-shot photo.jpg --model ViT-B/32 --prompt "a photo of a cat" "a photo of a dog"',
          'which of two sentences?',
        ],
        [
          'clip-oracle zero-shot photos --model ViT-L/14 --labels-file animals.txt --template "a photo of a ' +
            '{}" --format jsonl',
          'a folder, names from a file',
        ],
      ]),
    );
}

export function defineSearch(command: Command, exit: Exit): void {
  command
    .summary('find the images of an embedded collection that fit a text or an image')
    .description(
      'Ranks the rows of files that `embed --out` wrote by their cosine with a text or an image.\n' +
        'A table on a terminal, else JSON Lines: {"rank","path","file","row","cosine"}. Paths come from ' +
        '.safetensors and .jsonl files; for .npy give --paths, or go by the row.\n' +
        "The query is an image if it names one (a picture's ending, or a path with a slash, that exists), else a text.",
    )
    .argument('<query>', 'a text, or an image file')
    .argument('<features...>', 'one or several .npy, .safetensors or .jsonl files');
  const model = new Option(
    '-m, --model <name>',
    'the model that made the features (default: the one that their file names, else mini-vit)',
  ).argParser(modelName);
  addModelChanges(addImageOptions(command, model)).option(
    '--paths <file>',
    "the images' paths, in the order of the rows: one per line, or a .json list",
  );
  hideOptions(command, ['--normalize', '--batch', '--input']);
  addCommonOptions(addAnswerOptions(command, 'how many', { logits: false }))
    .action(async (query: string, files: string[], options: SearchOptions) =>
      exit(await (await import('./commands/search.ts')).search(query, files, options)),
    )
    .addHelpText(
      'after',
      examples([
        ['clip-oracle embed photos --model ViT-B/32 --out features.safetensors', 'first the collection'],
        ['clip-oracle search "a dog on a beach" features.safetensors', 'then a text'],
        ['clip-oracle search dog.jpg features.safetensors --top 20', 'or an image'],
        ['clip-oracle search "two cats" features.npy --model ViT-L/14 --paths list.txt', 'an array without paths'],
      ]),
    );
}
