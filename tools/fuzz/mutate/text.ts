// Texts: characters of the kinds that cleaning, references, mojibake and byte pairs turn on.

import { textOf, utf8 } from './bytes.ts';
import { havoc, type Mutator } from './havoc.ts';

const PIECES = [
  '&amp;',
  '&lt;',
  '&#233;',
  '&#x1f419;',
  '&#xD800;',
  '&#0;',
  '&COPYSR;',
  '&EACUTE;',
  '&amp;amp;',
  '&',
  '&#',
  '<',
  '<b>',
  'Ã©',
  'â€™',
  'ðŸ˜€',
  'Ã\u0083Â©',
  'Â ',
  'Ã ',
  '\r\n',
  '\n',
  '\u2028',
  '\x85',
  '\ud800',
  '\udc00',
  '\ufeff',
  '\x1b[31m',
  '\x00',
  '\u3000',
  'Ｆｕｌｌ',
  'ﬁ',
  'ĳ',
  '’',
  '“',
  '🐙',
  '👩‍👩‍👧',
  'e\u0301',
  '\u0301',
  'ẞ',
  'İ',
  '<|startoftext|>',
  '<|endoftext|>',
  "'s",
  "'ll",
  '123',
  'ǅ',
  'a photo of a cat',
  '漢字',
  'שלום',
  ' ',
  '\t',
  '"',
  ',',
  'path,label\n',
  '{"',
  '[',
  ']',
  'É…',
  'Å»',
];

/** Longer texts are slow and find the same. */
const MOST = 2000;

export const text: Mutator = (input, around) => {
  const { random } = around;
  if (random.one(5)) return havoc(input, around);
  let characters = textOf(input);
  for (let n = 1 << random.below(4); n > 0; n--) {
    const at = random.below(characters.length + 1),
      what = random.below(6);
    if (what <= 2)
      characters =
        characters.slice(0, at) +
        random.pick(PIECES).repeat(random.one(12) ? random.below(200) : 1) +
        characters.slice(at);
    else if (what === 3) characters = characters.slice(0, at) + characters.slice(at + 1 + random.below(8));
    else if (what === 4)
      characters =
        characters.slice(0, at) +
        String.fromCodePoint(random.one(2) ? random.below(0x250) : random.below(0x110000)) +
        characters.slice(at);
    else {
      const other = textOf(around.other());
      characters = characters.slice(0, at) + other.slice(random.below(other.length));
    }
    if (characters.length > MOST) characters = characters.slice(0, MOST);
  }
  return utf8(characters);
};
