// Texts: the tokenizer with all its repairs, HTML's references, label files, prompts.

import { BytePairs } from '../../../src/clip/tokenizer/byte-pairs.ts';
import { cleanText } from '../../../src/clip/tokenizer/clean.ts';
import { unescapeHtml } from '../../../src/clip/tokenizer/html.ts';
import { detokenize, tokenize } from '../../../src/clip/tokenizer/tokenize.ts';
import { readLabelFile } from '../../../src/features/labels.ts';
import { readLabels } from '../../../src/cli/class-names.ts';
import { textOf, utf8 } from '../mutate/bytes.ts';
import { havoc } from '../mutate/havoc.ts';
import { json } from '../mutate/json.ts';
import { text } from '../mutate/text.ts';
import { asFile, MB, type Target } from './target.ts';

const texts = (...list: string[]): Uint8Array[] => list.map(utf8);

export const TEXT_TARGETS: readonly Target[] = [
  {
    name: 'tokenizer',
    sources: ['clip/tokenizer/'],
    mutators: [text, havoc],
    limit: (size) => 2 * MB + 64 * size,
    seeds: () =>
      texts(
        'a photo of a cat',
        'schÃ¶n &amp;amp; donâ€™t',
        'Ｆｕｌｌ ﬁ &#x1f419; <b>x</b> &lt;',
        '🐙👩‍👩‍👧 e\u0301 \x1b[31mred\x1b[0m',
        "don't we'll 123 <|endoftext|>",
      ),
    run(input) {
      const ids = tokenize(textOf(input), { truncate: true });
      detokenize(ids);
      return Promise.resolve(tokenize([textOf(input)], { contextLength: 8, truncate: true }));
    },
  },
  {
    name: 'references',
    sources: ['clip/tokenizer/html', 'clip/tokenizer/clean', 'clip/tokenizer/repair', 'clip/tokenizer/mojibake'],
    mutators: [text, havoc],
    limit: (size) => MB + 64 * size,
    weight: 0.5,
    seeds: () => texts('&lt;&#233;&#xe9;&notit;&COPYSR;', '&amp;'.repeat(40), 'Ã\u0083Â©Ã©'.repeat(10)),
    run: (input) => Promise.resolve([unescapeHtml(textOf(input)), cleanText(textOf(input))]),
  },
  {
    name: 'merges',
    sources: ['clip/tokenizer/byte-pairs'],
    mutators: [text, havoc],
    limit: (size) => MB + 64 * size,
    weight: 0.25,
    seeds: () => texts('t h\nth e\ni n', 'Ġ a\na b\nab c</w>'),
    run(input) {
      const pairs = new BytePairs(textOf(input).split('\n'));
      return Promise.resolve(pairs.decode(pairs.encode('the inn abc')));
    },
  },
  {
    name: 'labels',
    sources: ['features/label'],
    weight: 0.5,
    limit: (size) => MB + 64 * size,
    mutators: [(input, around) => (input[0] === 0x5b || input[0] === 0x7b ? json : text)(input, around), havoc],
    seeds: () =>
      texts(
        'real\nfake\n',
        '["a","b"]',
        '[{"name":"a","emoji":"x"}]',
        '{"a.jpg":"cat"}',
        'path,label\na.jpg,"x, ""y"""\nb.jpg,z\n',
        'a\tb\n',
      ),
    async run(input) {
      const complaints: unknown[] = [];
      for (const read of [
        () => readLabels(asFile('labels.json', input)),
        () => readLabels(asFile('labels.txt', input)),
        ...['json', 'csv', 'tsv', 'txt'].map((ending) => () => readLabelFile(asFile(`labels.${ending}`, input))),
      ]) {
        await read().catch((error: unknown) => {
          complaints.push(error);
        });
      }
      // One that is no sentence is worse than one that is.
      const worst =
        complaints.find(
          (error) => !(error instanceof Error) || !['CommandError', 'ArgumentError'].includes(error.constructor.name),
        ) ?? complaints[0];
      if (worst !== undefined) throw worst;
    },
  },
];
