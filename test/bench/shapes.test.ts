// The benchmark's lists of products, written by hand, against the models' number of multiply-adds, which is computed
// from the architecture.

import { describe, expect, test } from 'vitest';
import { parseShapes, SHAPES, workOf } from '../../bench/shapes.ts';
import { MODELS } from '../../src/clip/models.ts';
import { multiplyAdds } from '../../src/clip/sizes.ts';

describe.each(Object.keys(SHAPES))('the products listed for %s', (name) => {
  const { vision, embed, ...rest } = MODELS.find((model) => model.name === name)!;
  const listed = parseShapes(SHAPES[name]).reduce((sum, shape) => sum + shape.times * workOf(shape), 0);

  test(
    "are all of the model's multiply-adds but the two products of attention and what the class token alone does " +
      'not need',
    () => {
      const total = multiplyAdds({ vision, embed, ...rest });
      if (vision.kind === 'ModifiedResNet') {
        const tokens = (vision.resolution / 32) * (vision.resolution / 32) + 1;
        expect(listed).toBe(total - 2 * tokens * 32 * vision.width);
      } else {
        const { resolution, patch, width, layers } = vision;
        const tokens = (resolution / patch) * (resolution / patch) + 1;
        // of the last block's 12·width² per token, the other tokens need the 2·width² of keys and values
        expect(listed).toBe(total - layers * 2 * tokens * tokens * width - 10 * (tokens - 1) * width * width);
      }
    },
  );
});
