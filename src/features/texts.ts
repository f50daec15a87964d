// Texts through the text tower: one feature for each, in the order of the texts.

import type { CLIP } from '../clip/clip.ts';
import { l2Normalize } from '../ops/l2-normalize.ts';
import type { EmbedOptions, Sink } from './pipeline.ts';
import { tokensFor } from './tokens.ts';

/** Texts that are encoded together: the text tower sorts them by length (src/clip/text-batches.ts). */
const TOGETHER = 64;

/**
 * Sends every text through the text tower, and its feature to the sink. Texts that have more tokens than the checkpoint
 * reads are cut, end of text last. The bits do not depend on what is encoded together.
 * @param texts as they are: an empty text has a feature, too
 * @returns the number of texts
 * @throws Error for a model without a text tower or with another tokenizer; what the sink throws; the reason of
 *   `signal`
 */
export async function embedTexts(
  texts: Iterable<string> | AsyncIterable<string>,
  model: CLIP,
  sink: Pick<Sink, 'feature'>,
  { normalize = false, onProgress, signal }: Pick<EmbedOptions, 'normalize' | 'onProgress' | 'signal'> = {},
): Promise<{ count: number }> {
  signal?.throwIfAborted();
  let count = 0;
  const encode = async (some: readonly string[]): Promise<void> => {
    const encoded = await model.encodeText(tokensFor(model, some, { truncate: true }));
    const features = normalize ? l2Normalize(encoded) : encoded;
    for (const [row, text] of some.entries()) await sink.feature(text, features, row);
    count += some.length;
    onProgress?.({ done: count, total: null });
    signal?.throwIfAborted();
  };
  let waiting: string[] = [];
  for await (const text of texts) {
    waiting.push(text);
    if (waiting.length < TOGETHER) continue;
    await encode(waiting);
    waiting = [];
  }
  if (waiting.length > 0) await encode(waiting);
  return { count };
}
