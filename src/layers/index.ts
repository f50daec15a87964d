// clip-oracle/layers: the classes of OpenAI's model.py, under their names and with the checkpoint's child names.

export { AttentionPool2d } from './attention-pool2d.ts';
export { AttentionalPooler } from './attentional-pooler.ts';
export { AvgPool2d, BatchNorm2d, Conv2d, GELU, LayerNorm, Linear, QuickGELU, ReLU } from './basic.ts';
export { Bottleneck, type BottleneckOptions } from './bottleneck.ts';
export { ModifiedResNet } from './modified-resnet.ts';
export { Module, type LayerOptions, type Tap, type Weights } from './module.ts';
export { HEAD_WIDTH, MultiheadAttention, type Pick } from './multihead-attention.ts';
export { causalMask, checkTokens, endsOfText, TextTransformer } from './text-transformer.ts';
export { ResidualAttentionBlock, Transformer, type Activation, type TransformerOptions } from './transformer.ts';
export { VisionTransformer } from './vision-transformer.ts';
