// clip-oracle in a browser: the same names as in Node where they make sense there, the same bits. What Node reads from
// files, a page fetches or is given.

export { attentionMaps, attentionRollout, type AttentionMapsOptions } from '../clip/attention-maps.ts';
export { CLIP, type EncodeOptions } from '../clip/clip.ts';
export type { ExecutorName, ExecutorOptions, Precision, Residency } from '../executors/executor.ts';
export type { PreprocessOptions, RawImage } from '../clip/image/preprocess.ts';
export { limits, setLimits, type Limits } from '../formats/limits.ts';
export { availableModels, CHANNELS, MODELS, type ModelEntry } from '../clip/models.ts';
export type { Activation, Activations } from '../clip/weights/activation.ts';
export type { Architecture } from '../clip/architecture.ts';
export type { Head } from '../clip/read-head.ts';
export { detokenize, tokenize, type TokenizeOptions } from '../clip/tokenizer/tokenize.ts';
export type { FloatArray, Tensor } from '../ops/tensor.ts';
export type { AdapterMode } from '../clip/adapters/adapter-file.ts';
export type { AdapterDescription, AdapterSource } from './adapters.ts';
export { bundledUrl, type BundledFile } from './assets.ts';
export { CLIPModel, loadHead, loadLabels, type CLIPModelOptions } from './clip-model.ts';
export { clearCache, type FetchOptions, type Progress } from './fetch.ts';
export { load, type LoadOptions } from './load.ts';
export { preprocessor, type ImageInput, type Preprocess } from './preprocess.ts';
export { fetchTables as loadTokenizer } from './host/tables.ts';
export type { Bytes } from './weights.ts';
