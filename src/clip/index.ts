// clip-oracle: OpenAI's CLIP on the CPU, deterministic to the bit.

export { CLIP, type EncodeOptions } from './clip.ts';
export { attentionMaps, attentionRollout, type AttentionMapsOptions } from './attention-maps.ts';
export type { AdapterMode } from './adapters/adapters.ts';
export type { AdapterDescription, AdapterSource } from './adapters/lora.ts';
export { CLIPModel, type CLIPModelOptions } from './clip-model.ts';
export { cachedPath, download, type DownloadOptions } from './download/download.ts';
export type { ExecutorName, ExecutorOptions, Precision, Residency } from '../executors/executor.ts';
export { loadHead, type Head } from './head.ts';
export { limits, setLimits, type Limits } from '../formats/limits.ts';
export { preprocessor, type Preprocess } from './image/preprocess.ts';
export { load, type LoadOptions } from './load.ts';
export { availableModels, CHANNELS, MODELS, type Architecture, type ModelEntry } from './models.ts';
export { detokenize, tokenize, type TokenizeOptions } from './tokenizer/tokenize.ts';
export { saveHead } from './training/save-head.ts';
export type { Metrics } from './training/metrics.ts';
export { trainHead, type TrainedHead, type TrainHeadOptions, type TrainingReport } from './training/train-head.ts';
export type { FloatArray, Tensor } from '../ops/tensor.ts';
