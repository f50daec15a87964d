// clip-oracle/oracle: says which layer of another backend is wrong, by how much, and how much would be right.

export { measure, type Measures } from './measures.ts';
export { FLOAT32_LIMITS, layerResult, type Limits } from './layer-result.ts';
export { moduleShapes } from './module-shapes.ts';
export { verify, type VerifyOptions } from './verify.ts';
export { CLAIMS, type Cause, type Claim, type Dump, type LayerDetail, type LayerResult, type LayerVerdict, type Values, type VerifyResult } from './types.ts';
