// A parameter of the model as it is stored in a file.

import type { DType } from '../../formats/element-types.ts';
import type { StoredTensor } from '../../formats/stored-tensor.ts';

/** Parts that follow each other along the first axis: usually one, three where Hugging Face splits q, k and v. */
export interface ModelTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly parts: readonly StoredTensor[];
}

/** A parameter that is stored in one piece. */
export const single = (tensor: StoredTensor): ModelTensor => ({
  dtype: tensor.dtype,
  shape: tensor.shape,
  parts: [tensor],
});
