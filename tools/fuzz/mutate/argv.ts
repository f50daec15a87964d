// Command lines: words between NUL bytes, put in, left out, moved, exchanged.

import { textOf, utf8 } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator } from './havoc.ts';

const WORDS = [
  'embed',
  'classify',
  'zero-shot',
  'search',
  'train-head',
  'trace',
  'verify',
  'tolerances',
  'golden',
  'models',
  'download',
  'inspect',
  'demo',
  'help',
  '--model',
  '--weights',
  '--pipeline',
  '--normalize',
  '--threads',
  '--precision',
  '--executor',
  '--residency',
  '--batch',
  '--input',
  '--out',
  '--adapter',
  '--adapter-alpha',
  '--adapter-parts',
  '--peft-as-is',
  '--resolution',
  '--top',
  '--logits',
  '--format',
  '--quiet',
  '--no-color',
  '--head',
  '--labels',
  '--threshold',
  '--layers',
  '--hash',
  '--claims',
  '--tolerances',
  '--teacher-forced',
  '--map',
  '--html',
  '--json',
  '--image',
  '--no-causes',
  '--all',
  '--seed',
  '--check',
  '--pack',
  '--base-url',
  '--root',
  '--verify',
  '--retries',
  '--stall-timeout',
  '--headers-only',
  '--prompt',
  '--help',
  '--version',
  '-m',
  '-w',
  '-t',
  '-o',
  '-q',
  '-h',
  '-V',
  '--',
  '-',
  '',
  'mini-vit',
  'RN50',
  'ViT-L/14',
  'synthetic:0',
  'float64',
  'jsonl',
  'q,v',
  'float16,int8-weights',
  'a.jpg',
  'photos/',
  '../../x',
  '\n',
  '--__proto__',
  '--constructor',
  '--top=',
  '--no-quiet',
];

export const argv: Mutator = (input, around) => {
  const { random } = around;
  if (random.one(8)) return havoc(input, around);
  const words = textOf(input).split('\0');
  for (let n = 1 << random.below(3); n > 0; n--) {
    const at = random.below(words.length + 1),
      what = random.below(6);
    if (what <= 1) words.splice(at, 0, random.pick(WORDS));
    else if (what === 2) words.splice(at, 1);
    else if (what === 3)
      words[Math.min(at, words.length - 1)] = random.one(2)
        ? String(random.pick(TURNING_POINTS))
        : random.pick(['-1', '0.5', '1e999', 'NaN', '0x10', ' 1', '1'.repeat(400)]);
    else if (what === 4) words.splice(at, 0, ...textOf(around.other()).split('\0').slice(0, 4));
    else words.splice(at, 0, textOf(havoc(utf8(random.pick(WORDS)), around)));
  }
  return utf8(words.slice(0, 60).join('\0'));
};
