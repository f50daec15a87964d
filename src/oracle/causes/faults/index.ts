// All faults that depend on nothing of the network but how its pixels are normalised, in the order in which they are
// named where two fit alike.

import type { Fault } from '../fault.ts';
import { ACTIVATION_FAULTS } from './activations.ts';
import { ATTENTION_FAULTS } from './attention.ts';
import { CONVOLUTION_FAULTS } from './convolutions.ts';
import { imageFaults, type Statistics } from './image.ts';
import { NORM_FAULTS } from './norms.ts';
import { PRECISION_FAULTS } from './precision.ts';
import { STRUCTURE_FAULTS } from './structure.ts';
import { WEIGHT_FAULTS } from './weights.ts';

/** @param statistics how the model's pixels are normalised */
export const faultsOf = (statistics: Statistics): readonly Fault[] => [
  ...imageFaults(statistics),
  ...ACTIVATION_FAULTS,
  ...NORM_FAULTS,
  ...ATTENTION_FAULTS,
  ...STRUCTURE_FAULTS,
  ...WEIGHT_FAULTS,
  ...CONVOLUTION_FAULTS,
  ...PRECISION_FAULTS,
];
