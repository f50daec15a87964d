// clip-oracle: OpenAI's CLIP on the CPU, deterministic to the bit. This file is the map of the package's entry; the
// others are ./ops, ./layers, ./oracle, ./vitest and ./browser.

// Models: `load` opens weights and returns a CLIP with its preprocessing.
export { load, type LoadOptions } from './clip/load.ts';
export { CLIP, type EncodeOptions } from './clip/clip.ts';
export { CLIPModel, type CLIPModelOptions } from './clip/clip-model.ts';
export { availableModels, CHANNELS, MODELS, type ModelEntry } from './clip/models.ts';
export type { Architecture } from './clip/architecture.ts';
export type { ExecutorName, ExecutorOptions, Precision, Residency } from './executors/executor.ts';
export type { Emulation } from './graph/emulate.ts';
export type { Tap } from './layers/module.ts';
export type { Activation, Activations } from './clip/weights/activation.ts';

// Weights: files under OpenAI's, Hugging Face's or OpenCLIP's names, downloads, LoRA adapters, what a file contains.
export { openWeights } from './clip/load.ts';
export { inspectFile } from './clip/inspect.ts';
export { cachedPath, download, type DownloadOptions } from './clip/download/download.ts';
export type { AdapterMode } from './clip/adapters/adapter-file.ts';
export type { AdapterDescription, AdapterSource } from './clip/adapters/open.ts';
export { limits, setLimits, type Limits } from './formats/limits.ts';

// Pictures and texts: from files to pixels, from sentences to token ids.
export {
  preprocessor,
  type ImageInput,
  type Preprocess,
  type PreprocessOptions,
  type RawImage,
} from './clip/image/preprocess.ts';
export { detokenize, tokenize, type TokenizeOptions } from './clip/tokenizer/tokenize.ts';

// Collections: many images to features, feature files, label files, the nearest rows to a query.
export {
  embedImages,
  imageSource,
  sourceOf,
  type EmbedOptions,
  type Loaded,
  type Sink,
  type Source,
} from './features/pipeline.ts';
export type { InputPath } from './features/inputs.ts';
export { readTensorInput, type TensorInput } from './features/tensor-input.ts';
export { openFeatures, type FeatureRows } from './features/read.ts';
export { createFeatureFile, type FeatureFile, type FeatureHead } from './features/write.ts';
export { readLabelFile, type LabelFile } from './features/labels.ts';
export { fromFiles, fromImages, labelledImages, type LabelledImages, type TrainingData } from './features/labelled.ts';
export { CosineSearch, type Hit } from './features/search.ts';
export { nearDuplicates, type DuplicatePair } from './features/duplicates.ts';
export { embedTexts } from './features/texts.ts';
export { classFeatures, type ClassFeatureOptions } from './features/class-features.ts';
export { ResumableFeatures } from './features/resume.ts';
export { ArgumentError } from './features/argument-error.ts';

// Heads: linear classifiers on features, loaded, trained and saved.
export { loadHead, type Head } from './clip/head.ts';
export { saveHead } from './train/head/save-head.ts';
export type { Metrics } from './train/head/metrics.ts';
export { trainHead } from './train/head/train-head.ts';
export type { TrainedHead, TrainHeadOptions, TrainingReport } from './train/head/trained-head.ts';

// What the image tower looks at.
export { attentionMaps, attentionRollout, type AttentionMapsOptions } from './clip/attention-maps.ts';

// The type of every tensor: an ndarray of float32 or float64.
export type { FloatArray, Tensor } from './ops/tensor.ts';
