// clip-oracle: OpenAI's CLIP on the CPU, deterministic to the bit.

export { CLIP, type EncodeOptions } from './clip/clip.ts';
export { attentionMaps, attentionRollout, type AttentionMapsOptions } from './clip/attention-maps.ts';
export type { AdapterMode } from './clip/adapters/adapter-file.ts';
export type { AdapterDescription, AdapterSource } from './clip/adapters/open.ts';
export { CLIPModel, type CLIPModelOptions } from './clip/clip-model.ts';
export { cachedPath, download, type DownloadOptions } from './clip/download/download.ts';
export type { ExecutorName, ExecutorOptions, Precision, Residency } from './executors/executor.ts';
export { loadHead, type Head } from './clip/head.ts';
export { limits, setLimits, type Limits } from './formats/limits.ts';
export { preprocessor, type Preprocess } from './clip/image/preprocess.ts';
export { load, type LoadOptions } from './clip/load.ts';
export { availableModels, CHANNELS, MODELS, type ModelEntry } from './clip/models.ts';
export type { Architecture } from './clip/architecture.ts';
export { detokenize, tokenize, type TokenizeOptions } from './clip/tokenizer/tokenize.ts';
export { saveHead } from './train/head/save-head.ts';
export type { Metrics } from './train/head/metrics.ts';
export { trainHead, type TrainedHead, type TrainHeadOptions, type TrainingReport } from './train/head/train-head.ts';
export type { FloatArray, Tensor } from './ops/tensor.ts';
