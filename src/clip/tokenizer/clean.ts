// basic_clean, whitespace_clean and lower of openai/CLIP, clip/simple_tokenizer.py.

import { unescapeHtml } from './html.ts';
import { repairText } from './repair.ts';

/**
 * Repaired, HTML's references replaced twice, one space for each run of white space and none at the ends, in lower
 * case.
 */
export function cleanText(text: string): string {
  return unescapeHtml(unescapeHtml(repairText(text)))
    .replace(/\p{White_Space}+/gu, ' ')
    .replace(/^ | $/g, '')
    .toLowerCase();
}
