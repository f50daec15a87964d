// clip-oracle itself, through its public entry.

import ndarray from 'ndarray';
import { load } from '../../src/index.ts';
import { ownPackage } from '../environment.ts';
import type { Encoder } from '../measurement.ts';
import type { Measurement } from '../measurement.ts';

export async function open({ model: name, executor, threads, weights, residency }: Measurement): Promise<Encoder> {
  const { model } = await load(name, { weights, executor, threads, residency });
  const { resolution } = model.architecture.vision!;
  return {
    version: ownPackage().version,
    async encode(images, N) {
      const features = await model.encodeImage(ndarray(images, [N, 3, resolution, resolution]));
      return features.data as Float32Array;
    },
    close: () => model.close(),
  };
}
