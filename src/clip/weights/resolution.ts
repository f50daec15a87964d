// Another input size than the one a model was trained with: its positional embedding is interpolated, as open_clip does
// it (model.py, resize_pos_embed) for VisionTransformers; the attention pool's, which open_clip leaves alone, in the
// same way.

import { resizeGrid } from './bicubic.ts';
import type { Checkpoint } from './checkpoint.ts';
import { sizeOf } from '../../ops/tensor.ts';
import { visionOf, type Architecture, type WithVision } from '../architecture.ts';

/**
 * The model for images of R x R.
 * @throws RangeError unless the resolution is a positive multiple of the patch (ResNets: of 32)
 */
export function atResolution(
  checkpoint: Checkpoint,
  architecture: Architecture,
  resolution: number,
): { checkpoint: Checkpoint; architecture: WithVision } {
  const vision = visionOf(architecture, 'load: "resolution"');
  const step = vision.kind === 'VisionTransformer' ? vision.patch : 32;
  if (!Number.isSafeInteger(resolution) || resolution < step || resolution % step !== 0) {
    throw new RangeError(
      `load: "resolution" expected a multiple of ${step} ` +
        `(${vision.kind === 'VisionTransformer' ? 'the side of a patch' : 'what a ResNet divides the side by'}), ` +
        `got ${String(resolution)}; ` +
        `take ${nearest(resolution, step)}, or leave it out for ${vision.resolution}, which the model was trained with`,
    );
  }
  if (resolution === vision.resolution) return { checkpoint, architecture: { ...architecture, vision } };
  const name =
    vision.kind === 'VisionTransformer' ? 'visual.positional_embedding' : 'visual.attnpool.positional_embedding';
  const [rows, D] = checkpoint.tensors.get(name)!.shape;
  const from = Math.round(Math.sqrt(rows - 1));
  const to = resolution / step;
  const tensors = new Map(checkpoint.tensors);
  tensors.set(name, { dtype: 'F32', shape: [to * to + 1, D] });
  return {
    architecture: { ...architecture, vision: { ...vision, resolution } },
    checkpoint: {
      ...checkpoint,
      tensors,
      async read(wanted, into) {
        if (wanted !== name) return checkpoint.read(wanted, into);
        const trained = new Float32Array(sizeOf([rows, D]));
        await checkpoint.read(name, trained);
        // The first row is the class token's, or the mean's: it belongs to no place.
        into.set(trained.subarray(0, D));
        into.set(resizeGrid(trained.subarray(D), from, to), D);
      },
      close: () => checkpoint.close(),
    },
  };
}

const nearest = (resolution: number, step: number): number =>
  resolution > step && Number.isFinite(resolution) ? Math.round(resolution / step) * step : step;
