// Which modules the image tower has, in the order in which their outputs appear, and what shapes those have: recorded
// by running the layers on a recording operation set, which computes nothing.

import { parameterShapes } from '../clip/parameters.ts';
import { visionOf, type Architecture } from '../clip/architecture.ts';
import { imageTower } from '../clip/towers.ts';
import { source } from '../graph/node.ts';
import { Recorder } from '../graph/recorder.ts';

/**
 * The shapes of all modules' outputs under PyTorch's paths, in the network's order; `visual` (N,E) is the last.
 * @param N images in the batch
 */
export function moduleShapes(architecture: Architecture, N = 1): Map<string, number[]> {
  const weights = new Map(
    [...parameterShapes(architecture, { text: false })].map(([name, { shape }]) => [
      name,
      source({ kind: 'weight', name }, shape),
    ]),
  );
  const shapes = new Map<string, number[]>();
  const options = {
    ops: new Recorder().ops,
    tap: (name: string, output: { shape: number[] }) => void shapes.set(name, [...output.shape]),
  };
  const R = visionOf(architecture, 'moduleShapes').resolution;
  imageTower(architecture, weights, options).forward(source({ kind: 'input', slot: 0 }, [N, 3, R, R]));
  return shapes;
}
