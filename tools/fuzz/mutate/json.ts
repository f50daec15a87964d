// JSON and texts: values, keys and nesting changed as such, so that what comes out still parses (usually).

import { textOf, utf8 } from './bytes.ts';
import { havoc, TURNING_POINTS, type Mutator, type Surroundings } from './havoc.ts';
import type { Random } from './random.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const STRINGS = [
  '',
  '..',
  '../x',
  '/etc/passwd',
  '\0',
  '__proto__',
  'constructor',
  'toString',
  'weight',
  'F32',
  'F16',
  'BF16',
  'I64',
  'x'.repeat(300),
  '\ud800',
  '\u{1f419}',
  'NaN',
  '-0',
];
const NUMBERS = [-1, 0.5, -0, 1e308, 1e-308, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e15, ...TURNING_POINTS];

function randomJson(random: Random, depth = 0): Json {
  const kind = random.below(depth > 3 ? 4 : 7);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1 || kind === 2) return random.pick(NUMBERS);
  if (kind === 3) return random.pick(STRINGS);
  if (kind === 4) return Array.from({ length: random.below(4) }, () => randomJson(random, depth + 1));
  if (kind === 5)
    return Object.fromEntries(
      Array.from({ length: random.below(4) }, () => [random.pick(STRINGS), randomJson(random, depth + 1)]),
    );
  let deep: Json = random.pick(NUMBERS);
  for (let n = random.pick([2, 10, 100, 1000]); n > 0; n--) deep = random.one(2) ? [deep] : { a: deep };
  return deep;
}

/** One value somewhere inside is changed, left out, doubled, renamed or exchanged. */
function mutateJson(value: Json, random: Random, word: () => string): Json {
  if (typeof value !== 'object' || value === null || random.one(12)) {
    if (typeof value === 'number' && random.one(2))
      return random.one(2) ? value + random.below(5) - 2 : random.pick(NUMBERS);
    if (typeof value === 'string' && random.one(2))
      return random.one(2) ? word() : value.slice(0, random.below(value.length + 1)) + random.pick(STRINGS);
    return randomJson(random);
  }
  if (Array.isArray(value)) {
    const list = [...value],
      at = random.below(list.length);
    const what = random.below(5);
    if (list.length === 0 || what === 0) list.splice(at, 0, randomJson(random, 2));
    else if (what === 1) list.splice(at, 1);
    else if (what === 2) list.push(list[at]);
    else list[at] = mutateJson(list[at], random, word);
    return list;
  }
  const entries = Object.entries(value);
  const at = random.below(entries.length),
    what = random.below(7);
  if (entries.length === 0 || what === 0)
    entries.push([random.one(2) ? word() : random.pick(STRINGS), randomJson(random, 2)]);
  else if (what === 1) entries.splice(at, 1);
  else if (what === 2) entries.push([`${entries[at][0]}${random.pick(['', '0', '.', '.weight'])}`, entries[at][1]]);
  else if (what === 3) entries[at] = [random.one(2) ? word() : random.pick(STRINGS), entries[at][1]];
  else entries[at] = [entries[at][0], mutateJson(entries[at][1], random, word)];
  return Object.fromEntries(entries);
}

/** A new text for the JSON in `text`, or null if it is not valid JSON. */
export function mutateJsonText(text: string, { random, dictionary }: Surroundings): string | null {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  const word = (): string => (dictionary.length === 0 ? random.pick(STRINGS) : textOf(random.pick(dictionary)));
  for (let n = 1 + random.below(3); n > 0; n--) value = mutateJson(value, random, word);
  const changed = JSON.stringify(value);
  // A key twice, a number that JavaScript cannot hold, a text that stops: JSON.stringify writes none of these.
  if (random.one(10)) return changed.replace(/"([^"]*)":/, (key) => `${key}0,${key}`);
  if (random.one(10))
    return changed.replace(/\d+/, random.pick(['1e999', '-1e999', '00', '0x10', '9'.repeat(400), '1.', '-']));
  if (random.one(20)) return changed.slice(0, random.below(changed.length));
  return changed;
}

export const json: Mutator = (input, around) => {
  const changed = mutateJsonText(textOf(input), around);
  return changed === null ? havoc(input, around) : utf8(changed);
};
