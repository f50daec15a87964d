// The texts of npm run bench -- text: what people ask for in zero-shot classification, at most 20 tokens each with
// start and end.

import { readFileSync } from 'node:fs';
import { packageFile } from '../../src/clip/package-file.ts';
import { idsOf } from '../../src/clip/tokenizer/tokenize.ts';

/** Of the kind that OpenAI's notebooks use for ImageNet, from short to long. */
const TEMPLATES = [
  '{}',
  'a photo of a {}.',
  'a bad photo of the {}.',
  'a close-up photo of a {}.',
  'a black and white photo of the {}.',
  'there are many {} in this photo.',
  'a photo of a {} on a wooden table in a bright room.',
  'a painting of a {} by the sea, in the style of an old master.',
];
const MOST = 20;

/** `count` different texts: the bundled names, each in the next template that it fits into. */
export function ordinaryPrompts(count: number): string[] {
  const names = (
    JSON.parse(readFileSync(packageFile('fixtures/bundled/labels.json'), 'utf8')) as { name: string }[]
  ).map(({ name }) => name);
  const prompts = new Set<string>();
  for (let i = 0; prompts.size < count; i++) {
    if (i === names.length * TEMPLATES.length)
      throw new RangeError(`bench -- text: "prompts" expected at most ${prompts.size}, got ${count}`);
    const prompt = TEMPLATES[(i + Math.floor(i / names.length)) % TEMPLATES.length].replace(
      '{}',
      names[i % names.length],
    );
    if (lengthOf(prompt) <= MOST) prompts.add(prompt);
  }
  return [...prompts];
}

/** Tokens of a text, start and end counted. */
export const lengthOf = (prompt: string): number => idsOf(prompt).length + 2;

/** The same texts, each lengthened to exactly 20 tokens: the worst that "at most 20" allows. */
export function longPrompts(count: number): string[] {
  return ordinaryPrompts(count).map((prompt) => `${prompt}${' and'.repeat(MOST - lengthOf(prompt))}`);
}
