// The towers of an architecture, from the layers.

import {
  ModifiedResNet,
  TextTransformer,
  VisionTransformer,
  type TransformerOptions,
  type Weights,
} from '../layers/index.ts';
import { visionOf, type Architecture, type TextArchitecture } from './architecture.ts';

/** The image tower over weights under OpenAI's names; its `forward` is (N,3,R,R) -> (N,E). */
export function imageTower(
  architecture: Pick<Architecture, 'vision'>,
  weights: Weights,
  options: TransformerOptions = {},
): VisionTransformer | ModifiedResNet {
  const vision = visionOf(architecture, 'imageTower');
  const sized = { ...options, heads: vision.heads };
  return vision.kind === 'VisionTransformer'
    ? new VisionTransformer(weights, 'visual', { ...sized, poolHeads: vision.pool?.heads })
    : new ModifiedResNet(weights, 'visual', sized);
}

/** The text tower; its `forward` is token ids (N,T) -> (N,E). */
export function textTower(
  { heads }: TextArchitecture,
  weights: Weights,
  options: TransformerOptions = {},
): TextTransformer {
  return new TextTransformer(weights, '', { ...options, heads });
}
