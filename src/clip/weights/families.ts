// The families of models that people try to load, recognised by their tensors' names and shapes or by `model_type` of
// config.json, before anything else is said about a file. To add one: a row with its name, how it shows, which of its
// towers cannot be computed here, why, and what to do instead. Of the rows that fit, the first that is about a tower
// speaks for it (recognise.ts).

import type { Activation } from '../../layers/index.ts';
import { all, any, huggingFace, key, not, type, vocabulary, type Shows } from './signs.ts';
import type { Tower } from './towers.ts';

export interface Family {
  /** Goes after "holds". */
  readonly name: string;
  readonly shows: Shows;
  /** What cannot be computed here. */
  readonly foreign: Tower | 'both';
  readonly because: string;
  /** Default: another CLIP, or the other tower alone. */
  readonly remedy?: string;
  /** The activation of what can be computed, where the family has only one and the file does not say it. */
  readonly activation?: Activation;
}

/** How many ids OpenAI's tokenizer has. */
export const OPENAI_VOCABULARY = 49408;

const NOT_A_VIT = 'its image tower is neither a VisionTransformer nor a ModifiedResNet';
const OTHER_TEXT = "its texts go through another network than CLIP's";
const VISUAL_BLOCK = String.raw`(^|\.)visual\.transformer\.resblocks\.\d+\.`;
const TEXT_BLOCK = String.raw`^((?!visual\.).)*transformer\.resblocks\.\d+\.`;
const LAYER_SCALE = String.raw`ls_[12]\.gamma$`;
const CUSTOM_BLOCK = String.raw`(attn\.(ln_q|ln_k|ln_inner|logit_scale|head_scale|q_proj_weight)|ln_attn|mlp\.ln)\b`;

// timm's image towers beside which open_clip has CLIP's text tower
const MOBILE_B = key(/(^|\.)visual\.trunk\.patch_embed\.backbone\.0\.conv\./);
const VITAMIN = key(/(^|\.)visual\.trunk\.patch_embed\.backbone\.stem\./);
const PE_CORE = key(/(^|\.)visual\.trunk\.attn_pool\./);
const EVA = key(/(^|\.)visual\.trunk\.blocks\.0\.attn\.(q_bias|q_proj\.weight)$/);
const CONVNEXT = key(/(^|\.)visual\.trunk\.stages\.0\.blocks\.0\.conv_dw\./);
const SWIN = key(/(^|\.)visual\.trunk\..*relative_position_bias_table$/);

/** Models with an image and a text tower, or one of the two. */
export const FAMILIES: readonly Family[] = [
  {
    name: 'a SigLIP 2 model',
    shows: any(
      type(/^siglip2/),
      all(
        key(/(^|\.)logit_bias$/),
        vocabulary((size) => size === 256000),
      ),
    ),
    foreign: 'both',
    because: 'both of its towers pool and activate in other ways than CLIP',
  },
  {
    name: 'an NLLB-CLIP model with a SigLIP image tower',
    shows: all(key(/(^|\.)logit_bias$/), huggingFace(256206)),
    foreign: 'both',
    because: `${NOT_A_VIT}, and ${OTHER_TEXT}`,
  },
  {
    name: 'a BLIP model',
    shows: any(
      type(/^(instruct)?blip/),
      key(/(^|\.)(visual_encoder\.(patch_embed|blocks)|[qQ]former)\./, /vision_model\..*\.self_attn\.qkv\.weight$/),
    ),
    foreign: 'both',
    because: 'its image tower has one matrix for queries, keys and values, and no norm before the blocks',
  },
  {
    name: 'a SigLIP model',
    shows: any(
      type(/^siglip/),
      key(/(^|\.)(logit_bias|(vision_model\.)?head\.probe|embeddings\.patch_embedding\.bias)$/),
      all(key(/(^|\.)embeddings\.patch_embedding\.weight$/), not(key(/(^|\.)embeddings\.class_embedding$/))),
    ),
    foreign: 'both',
    because: 'both of its towers pool and activate in other ways than CLIP',
  },
  {
    name: 'an ALIGN model',
    shows: any(type(/^align/), key(/vision_model\.embeddings\.convolution\.weight$/)),
    foreign: 'both',
    because: 'its towers are an EfficientNet and a BERT',
  },
  {
    name: 'a GroupViT model',
    shows: any(type(/^groupvit/), key(/vision_model\.embeddings\.patch_embeddings\.projection\.weight$/)),
    foreign: 'both',
    because: 'its image tower groups its tokens',
  },
  {
    name: 'an X-CLIP model',
    shows: any(type(/^xclip/), key(/(^|\.)prompts_generator\./)),
    foreign: 'both',
    because: 'its image tower takes films',
  },
  {
    name: 'an OWL-ViT model',
    shows: any(type(/^owl/), key(/vision_model\.pre_layernorm\.weight$/)),
    foreign: 'both',
    because: 'it finds objects, and has no one feature for an image',
  },
  {
    name: "transformers' CLIPForImageClassification",
    shows: all(key(/^classifier\.weight$/), key(/^vision_model\./), not(key(/(^|\.)visual_projection\.weight$/))),
    foreign: 'both',
    because: "its classifier takes the mean of all patches' states, which is not CLIP's feature",
    remedy: 'take the file of a CLIPModel, and train a head on its features (train-head)',
  },
  {
    name: 'a language model with an image tower, like LLaVA',
    shows: key(/(^|\.)language_model\.(model\.)?(layers\.\d+|embed_tokens)\./),
    foreign: 'both',
    because: 'it reads the states inside an image tower and has no feature for an image',
    remedy: 'take the file of the CLIP model that its image tower was made from',
  },
  {
    name: "a MobileCLIP model (Apple's own file)",
    shows: key(/(^|\.)image_encoder\.model\./),
    foreign: 'both',
    because: NOT_A_VIT,
  },
  {
    name: 'a MobileCLIP model with a FastViT image tower',
    shows: key(/(^|\.)visual\.trunk\.(stem\.0\.conv_kxk|final_conv)\./),
    foreign: 'both',
    because: `${NOT_A_VIT}, and its text tower has no causal mask`,
  },
  {
    name: 'a MobileCLIP-B model',
    shows: MOBILE_B,
    foreign: 'vision',
    because: 'its patches come out of a stack of convolutions',
  },
  {
    name: 'a ViTamin model',
    shows: VITAMIN,
    foreign: 'vision',
    because: NOT_A_VIT,
  },
  {
    name: 'a Perception Encoder (PE-Core)',
    shows: PE_CORE,
    foreign: 'vision',
    because: 'its image tower has rotary positions and pools by attention',
  },
  {
    name: 'an EVA-CLIP model',
    shows: EVA,
    foreign: 'vision',
    because: NOT_A_VIT,
  },
  {
    name: "an EVA-CLIP model (BAAI's own file)",
    shows: key(/(^|\.)visual\.blocks\.0\.attn\./),
    foreign: 'both',
    because: NOT_A_VIT,
  },
  {
    name: 'a ConvNeXt-CLIP model',
    shows: CONVNEXT,
    foreign: 'vision',
    because: NOT_A_VIT,
  },
  {
    name: 'an open_clip model with a Swin image tower',
    shows: SWIN,
    foreign: 'vision',
    because: NOT_A_VIT,
  },
  {
    name: 'an open_clip model with a timm image tower ("visual.trunk.…"), such as MobileCLIP2-L',
    shows: all(key(/(^|\.)visual\.trunk\./), not(any(MOBILE_B, VITAMIN, PE_CORE, EVA, CONVNEXT, SWIN))),
    foreign: 'both',
    because: `${NOT_A_VIT}, and no name shows whether its text tower has a causal mask`,
  },
  {
    name: 'a CLIPA model, or another without ln_pre',
    shows: all(key(/(^|\.)visual\.class_embedding$/), not(key(/(^|\.)visual\.ln_pre\.weight$/))),
    foreign: 'vision',
    because: 'its image tower begins without a norm and ends with the mean of all patches',
    remedy: 'take a CLIP with ln_pre; if these should be its weights, the file is incomplete: download it again',
  },
  {
    name: 'a CLIPA model',
    shows: all(
      vocabulary((size) => size === 32000),
      not(key(/(^|\.)visual\.ln_pre\.weight$/)),
    ),
    foreign: 'text',
    because: "its text tower has no causal mask, and its tokens are BERT's",
  },
  {
    name: 'a CoCa model with the two poolers of the paper',
    shows: key(/(^|\.)visual\.attn_pool_contrastive\./, /(^|\.)visual\.attn_pool\.attn\.in_proj_weight$/),
    foreign: 'vision',
    because: 'its image tower pools in another way than the published models',
  },
  {
    name: 'a CoCa model',
    shows: key(/(^|\.)(text\.cls_emb$|text_decoder\.)/),
    foreign: 'text',
    because: 'the feature of a text is that of a token behind it, under a mask of its own',
  },
  {
    name: 'a ViT with LayerScale',
    shows: key(new RegExp(VISUAL_BLOCK + LAYER_SCALE)),
    foreign: 'vision',
    because: 'the blocks of its image tower scale what they add ("ls_1.gamma")',
  },
  {
    name: 'a text tower with LayerScale',
    shows: key(new RegExp(TEXT_BLOCK + LAYER_SCALE)),
    foreign: 'text',
    because: 'its blocks scale what they add ("ls_1.gamma")',
  },
  {
    name: "a model with open_clip's custom blocks",
    shows: key(new RegExp(VISUAL_BLOCK + CUSTOM_BLOCK)),
    foreign: 'vision',
    because: 'its image tower has further norms or scales inside attention or MLP',
  },
  {
    name: "a text tower with open_clip's custom blocks",
    shows: key(new RegExp(TEXT_BLOCK + CUSTOM_BLOCK)),
    foreign: 'text',
    because: 'it has further norms or scales inside attention or MLP',
  },
  {
    name: 'a ChineseCLIP model',
    shows: any(
      type(/^chinese_clip/),
      all(key(/(^|\.)visual\.conv1\.weight$/), key(/(^|\.)bert\.embeddings\./)),
      ({ rows }) => rows(/(^|\.)text_model\.embeddings\.word_embeddings\.weight$/) === 21128,
    ),
    foreign: 'text',
    because: 'its text tower is a BERT',
    activation: 'quick_gelu',
  },
  {
    name: 'an AltCLIP model',
    shows: any(type(/^altclip/), key(/(^|\.)text_model\.roberta\./)),
    foreign: 'text',
    because: 'its text tower is an XLM-RoBERTa',
  },
  {
    name: 'a CLIP with an XLM-RoBERTa text tower',
    shows: huggingFace(250002),
    foreign: 'text',
    because: OTHER_TEXT,
  },
  { name: 'a CLIP with a RoBERTa text tower', shows: huggingFace(50265), foreign: 'text', because: OTHER_TEXT },
  { name: 'a CLIP with an mT5 text tower', shows: huggingFace(250112), foreign: 'text', because: OTHER_TEXT },
  { name: 'an NLLB-CLIP model', shows: huggingFace(256206), foreign: 'text', because: OTHER_TEXT },
  {
    name: 'a CLIP whose text tower is a model of transformers',
    shows: key(
      /(^|\.)text\.transformer\.(?!resblocks\.)/,
      /(^|\.)text_model\.(embeddings\.word_embeddings|encoder\.layer)\./,
    ),
    foreign: 'text',
    because: OTHER_TEXT,
  },
  {
    name: 'a MetaCLIP 2 model',
    shows: any(
      type(/^metaclip_2/),
      vocabulary((size) => size === 901629 || size === 250100),
    ),
    foreign: 'text',
    because: "its texts are cut into tokens by another tokenizer than OpenAI's, whose last token is not the largest",
  },
  {
    name: 'a text tower with a larger vocabulary',
    shows: vocabulary((size) => size > OPENAI_VOCABULARY),
    foreign: 'text',
    because: `its texts are cut into tokens by another tokenizer than OpenAI's, which has ${OPENAI_VOCABULARY} ids`,
  },
  {
    name: 'a text tower whose projection has a bias',
    shows: key(/(^|\.)text_projection\.bias$/),
    foreign: 'text',
    because: "CLIP's has none",
  },
];

/** What else is given as weights; looked at where no CLIP is found. */
export const OTHERS: readonly Pick<Family, 'name' | 'shows' | 'remedy'>[] = [
  {
    name: 'LoRA adapters',
    shows: key(/(^|\.)lora_([AB]|down|up)\b|w_lora_[AB]/),
    remedy: 'give it as the adapter of a model (--adapter)',
  },
  { name: 'a Stable Diffusion model', shows: key(/(^|\.)(model\.diffusion_model|first_stage_model)\./) },
  { name: 'a diffusion model (UNet)', shows: all(key(/(^|\.)down_blocks\./), key(/(^|\.)time_embedding\./)) },
  {
    name: 'the VAE of a diffusion model',
    shows: key(/(^|\.)(decoder\.up_blocks|encoder\.down_blocks|decoder\.up\.0)\./),
  },
  { name: 'a Whisper model', shows: key(/(^|\.)encoder\.conv1\.weight$/) },
  { name: 'a T5 text model', shows: key(/(^|\.)block\.0\.layer\.0\.SelfAttention\./) },
  {
    name: 'a language model',
    shows: key(/(^|\.)(layers\.0\.(self_attn\.q_proj|self_attn\.qkv_proj|attention\.wq)|h\.0\.attn\.c_attn|lm_head)\./),
  },
  { name: 'a DINOv2 or ViT model of transformers', shows: key(/(^|\.)embeddings\.cls_token$/) },
  { name: 'a BERT text model', shows: key(/(^|\.)embeddings\.word_embeddings\.weight$/) },
  {
    name: 'a Vision Transformer of timm or DINO',
    shows: all(key(/(^|\.)patch_embed\.proj\.weight$/), key(/(^|\.)blocks\.0\.attn\./)),
  },
  {
    name: 'a ResNet of torchvision or timm',
    shows: all(key(/(^|\.)layer1\.0\.conv1\.weight$/), key(/(^|\.)bn1\.weight$/), key(/(^|\.)fc\.weight$/)),
  },
];
