// The uses that parameterShapes gives the parameters are those of the layers: what each operation of a recorded tower
// takes a parameter for.

import ndarray from 'ndarray';
import { expect, test } from 'vitest';
import { MODELS } from '../../src/clip/models.ts';
import { parameterShapes } from '../../src/clip/parameters.ts';
import { imageTower, textTower } from '../../src/clip/towers.ts';
import type { WeightUse } from '../../src/executors/executor.ts';
import { source, storageOf } from '../../src/graph/node.ts';
import { Recorder } from '../../src/graph/recorder.ts';
import { sizeOf } from '../../src/ops/tensor.ts';

/** By operation: how each operand is used, where it is a parameter with more than one axis. */
const OPERANDS: Record<string, (WeightUse | undefined)[]> = {
  conv2d: [undefined, 'convolution'],
  linear: [undefined, 'linear'],
  matmul: [undefined, 'matrix'],
  embedding: [undefined, 'table'],
  add: [undefined, 'table'],
};

test.each(MODELS)('$name', (model) => {
  const parameters = parameterShapes(model);
  const weights = new Map(
    [...parameters].map(([name, { shape }]) => [name, source({ kind: 'weight', name, shape }, shape)]),
  );
  const recorder = new Recorder();
  const R = model.vision.resolution;
  const options = { ops: recorder.ops };
  imageTower(model, weights, options).forward(source({ kind: 'input', slot: 0 }, [1, 3, R, R]));
  if (model.text !== null)
    textTower(model.text, weights, options).forward(ndarray(Int32Array.of(1, model.text.vocabulary - 1), [1, 2]));
  const seen = new Map<string, Set<string>>();
  for (const { op, inputs } of recorder.nodes) {
    inputs.forEach((x, i) => {
      if (x === undefined) return;
      const { origin } = storageOf(x);
      if (origin.kind !== 'weight') return;
      const several = parameters.get(origin.name)!.shape.length > 1;
      const use = several ? (OPERANDS[op]?.[i] ?? `${op} ${i}`) : 'vector';
      seen.set(origin.name, (seen.get(origin.name) ?? new Set()).add(use));
    });
  }
  for (const [name, { use, shape }] of parameters) {
    expect(sizeOf(shape), name).toBeGreaterThan(0);
    if (name !== 'logit_scale') expect([...seen.get(name)!], name).toEqual([use]);
  }
});
