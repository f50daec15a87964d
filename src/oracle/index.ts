// clip-oracle/oracle: finds the first wrong layer of another backend, how wrong it is, and how much error is allowed.

export { measure, type Measures } from './measures.ts';
export { FLOAT32_LIMITS, layerResult, type Limits } from './layer-result.ts';
export { moduleShapes } from './module-shapes.ts';
export { examine, UnknownModelError, type ExaminedDump, type ExamineOptions } from './examine.ts';
export { verify, type VerifyOptions, type VerifyProgress } from './verify.ts';
export { findCauses, type CauseQuestion } from './causes/index.ts';
export { VARIANTS, type Variant } from './claims.ts';
export { MARGIN } from './emulated-error.ts';
export {
  readTolerances,
  tolerances,
  type ModuleTolerances,
  type Tolerance,
  type Tolerances,
  type TolerancesOptions,
} from './tolerances.ts';
export {
  CLAIMS,
  type Cause,
  type Claim,
  type LayerDetail,
  type LayerResult,
  type LayerVerdict,
  type VerifyResult,
} from './types.ts';
export type { Dump } from '../formats/dump/dump.ts';
export type { Values } from '../formats/values.ts';
export { otherCrops, type OtherImage } from './other-crops.ts';
export { openDump } from '../formats/dump/open.ts';
export { writeDump, type WriteOptions } from '../formats/dump/write.ts';
export type { DumpWriter } from '../formats/dump/dump.ts';
export { trace, tracedModules, type TraceOptions } from './trace.ts';
export { hashValues, TraceHashes } from './hash.ts';
export { weightsFingerprint } from './fingerprint.ts';
export { CONTRACT } from './version.ts';
export { reportCollector, type ReportCollector, type ReportData } from './report/collector.ts';
export { reportHtml, type ReportOptions } from './report/html.ts';
export { makeGoldenPack, type GoldenOptions } from './golden/make.ts';
export { checkGoldenPack, type PackLayer, type PackResult } from './golden/check.ts';
export { readPack, samplePlaces, type GoldenModule, type GoldenPack } from './golden/pack.ts';
