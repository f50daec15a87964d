// One tower of a checkpoint, for callers who want no more, or for files whose other tower is foreign.

import type { CLIP } from '../clip.ts';
import type { Checkpoint } from './checkpoint.ts';

export type Tower = 'vision' | 'text';

/**
 * The option `tower` of `load`: undefined for both.
 * @throws RangeError for another value
 */
export function checkedTower(tower: unknown): Tower | undefined {
  if (tower === undefined || tower === 'both') return undefined;
  if (tower === 'vision' || tower === 'text') return tower;
  throw new RangeError(`load: "tower" expected both, vision or text, got ${String(tower)}`);
}

/** Whether a tensor under OpenAI's names, or one that no name was found for, belongs to the image tower. */
export const isVision = (name: string): boolean => /^(visual|vision_model)\./.test(name);

/**
 * The checkpoint with the tensors of one tower only.
 * @param tower undefined leaves it as it is
 * @throws Error if it does not have that tower
 */
export function oneTower(checkpoint: Checkpoint, tower: Tower | undefined): Checkpoint {
  if (tower === undefined) return checkpoint;
  const tensors = new Map([...checkpoint.tensors].filter(([name]) => isVision(name) === (tower === 'vision')));
  if (![...tensors.keys()].some((name) => name !== 'logit_scale'))
    throw new Error(
      `"${checkpoint.origin}" expected weights with ${tower === 'vision' ? 'an image' : 'a text'} tower, got the ` +
        `other one only; leave out tower (--tower), or take the file of the whole model`,
    );
  return {
    ...checkpoint,
    tensors,
    ...(tower === 'vision' &&
      tensors.size < checkpoint.tensors.size && {
        refusedText: 'the model was loaded without its text tower; leave out tower: vision (--tower)',
      }),
  };
}

/** What `load` returns as `preprocess` for a text tower alone. */
export const noPreprocess = (model: Pick<CLIP, 'name'>) => (): Promise<never> =>
  Promise.reject(
    new Error(`preprocess: ${model.name} has a text tower only, which takes no pictures; load an image tower`),
  );
