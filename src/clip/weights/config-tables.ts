// The fields of configurations of CLIP models, and what of each can be computed: open_clip's CLIPVisionCfg and
// CLIPTextCfg (open_clip 3.3.0, model.py), transformers' CLIPConfig (5.18.0, configuration_clip.py) with what older
// versions wrote into it, and the image processors of both.

import { each, type Fields } from './config-fields.ts';

const NONE: readonly unknown[] = [{}];

/** What open_clip's two towers share. */
const OPEN_CLIP_BLOCKS: Fields = {
  ls_init_value: [],
  act_kwargs: NONE,
  norm_kwargs: [{}, { eps: 1e-5 }],
  block_type: ['default'],
  ...each('qk_norm scaled_cosine_attn scale_heads scale_attn_inner scale_attn scale_fc', [false]),
  // the class token, and the end of the text, are normalised alone: before or after they are taken is the same
  final_ln_after_pool: 'any',
  output_tokens: 'any',
};

export const OPEN_CLIP_VISION: Fields = {
  ...OPEN_CLIP_BLOCKS,
  ...each('layers width head_width mlp_ratio patch_size image_size', 'any'), // followed
  ...each('patch_dropout attn_pooler_queries', 'any'), // of training, or told by the tensors
  attn_pooler_heads: [8],
  ...each('timm_model_pretrained timm_pool timm_proj timm_proj_bias timm_drop timm_drop_path', 'any'),
  timm_model_name: [],
  attentional_pool: 'any', // the weights have the pooler
  no_ln_pre: [false],
  pos_embed_type: ['learnable'],
  pool_type: ['tok'],
};

export const OPEN_CLIP_TEXT: Fields = {
  ...OPEN_CLIP_BLOCKS,
  ...each('context_length vocab_size width heads layers mlp_ratio', 'any'), // followed
  ...each('pad_id eos_id hf_model_pretrained hf_proj_type hf_pooler_type', 'any'), // of what is refused
  hf_model_name: [],
  hf_tokenizer_name: [],
  tokenizer_mode: [],
  tokenizer_kwargs: NONE,
  embed_cls: [false],
  no_causal_mask: [false],
  pool_type: ['argmax'],
  proj_bias: [false],
  proj_type: ['linear'],
};

/** open_clip_config.json itself. */
export const OPEN_CLIP_FILE: Fields = each('model_cfg preprocess_cfg', 'any');

export const OPEN_CLIP_MODEL: Fields = {
  ...each('embed_dim vision_cfg text_cfg quick_gelu', 'any'), // followed
  ...each('custom_text init_logit_scale nonscalar_logit_scale output_dict cast_dtype', 'any'), // told by the tensors
};

/** Of CoCa and SigLIP: they concern texts. */
export const OPEN_CLIP_MODEL_TEXT: Fields = { multimodal_cfg: [], init_logit_bias: [] };

/** What every configuration of transformers may carry: generation, training, names; nothing of it is computed here. */
const TRANSFORMERS: Fields = {
  ...each(
    'architectures model_type transformers_version torch_dtype dtype _name_or_path name_or_path _commit_hash ' +
      '_attn_implementation attn_implementation _attn_implementation_autoset _attn_implementation_internal auto_map',
    'any',
  ),
  ...each('initializer_range initializer_factor attention_dropout dropout gradient_checkpointing', 'any'),
  ...each(
    'return_dict use_return_dict output_hidden_states output_attentions torchscript use_bfloat16 tf_legacy_loss ' +
      'tie_word_embeddings tie_encoder_decoder is_encoder_decoder cross_attention_hidden_size use_cache ' +
      'chunk_size_feed_forward id2label label2id num_labels problem_type finetuning_task task_specific_params',
    'any',
  ),
  ...each(
    'max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k ' +
      'top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size ' +
      'bad_words_ids num_return_sequences output_scores return_dict_in_generate forced_bos_token_id ' +
      'forced_eos_token_id remove_invalid_values exponential_decay_length_penalty suppress_tokens ' +
      'begin_suppress_tokens tokenizer_class prefix bos_token_id pad_token_id sep_token_id decoder_start_token_id',
    'any',
  ),
  pruned_heads: NONE,
  ...each('is_decoder add_cross_attention', [false]),
  layer_norm_eps: [1e-5],
};

export const TRANSFORMERS_MODEL: Fields = {
  ...TRANSFORMERS,
  ...each('vision_config text_config vision_config_dict text_config_dict projection_dim hidden_act', 'any'), // followed
  logit_scale_init_value: 'any',
  model_type: ['clip', 'clip_vision_model', 'clip_text_model', 'metaclip_2', 'chinese_clip', 'altclip'],
  eos_token_id: 'any',
};

export const TRANSFORMERS_VISION: Fields = {
  ...TRANSFORMERS,
  ...each(
    'hidden_size intermediate_size num_hidden_layers num_attention_heads image_size patch_size hidden_act',
    'any',
  ), // followed
  projection_dim: 'any', // that of the whole model counts
  eos_token_id: 'any',
  num_channels: [3],
};

const TRANSFORMERS_TEXT: Fields = {
  ...TRANSFORMERS,
  ...each('hidden_size intermediate_size num_hidden_layers num_attention_heads', 'any'), // followed
  ...each('max_position_embeddings vocab_size projection_dim', 'any'),
  model_type: ['clip_text_model', 'clip'],
  hidden_act: ['quick_gelu', 'gelu'],
  eos_token_id: 'any', // endOfText
};

export const OPEN_CLIP_PIXELS: Fields = {
  ...each('size mean std', 'any'), // followed, and checked there
  mode: ['RGB'],
  interpolation: ['bicubic', 'bilinear', 'nearest', 'random'],
  resize_mode: ['shortest', 'squash', 'longest'],
  fill_color: 'any',
};

export const TRANSFORMERS_PIXELS: Fields = {
  ...each('size crop_size image_mean image_std do_center_crop default_to_square', 'any'), // followed
  ...each('processor_class _processor_class _valid_processor_keys auto_map return_tensors data_format device', 'any'),
  ...each('input_data_format disable_grouping pad_size image_seq_length', 'any'),
  image_processor_type: [
    'CLIPImageProcessor',
    'CLIPImageProcessorFast',
    'CLIPImageProcessorPil',
    'CLIPFeatureExtractor',
  ],
  feature_extractor_type: ['CLIPFeatureExtractor', 'CLIPImageProcessor'],
  ...each('do_resize do_rescale do_normalize do_convert_rgb', [true]),
  ...each('do_pad use_square_size', [false]),
  resample: [0, 2, 3],
  rescale_factor: [1 / 255, 0.00392156862745098],
};

/**
 * The table for a text tower with this vocabulary. Where a text ends: the feature is read at the largest id, as OpenAI
 * does it, for which 2 stands in old files.
 */
export const endOfText = (vocabulary: unknown): Fields => ({
  ...TRANSFORMERS_TEXT,
  eos_token_id: [(typeof vocabulary === 'number' ? vocabulary : 49408) - 1, 2],
});
