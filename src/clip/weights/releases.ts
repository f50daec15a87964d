// Which activation the published CLIPs have and how their pixels are made, known by the names of their files and
// repositories: what open_clip's own table says (open_clip 3.3.0, src/open_clip/pretrained.py), for weights that come
// without a configuration.

import type { Activation } from '../../layers/index.ts';
import type { PixelRules } from '../image/preprocessing.ts';

/** A row: the architecture and the tag of a release by open_clip, then the stem of its file and of its repository. */
const QUICK_GELU = [
  'RN50 openai resnet50_clip.openai',
  'RN50 yfcc15m rn50-quickgelu-yfcc15m-455df137 resnet50_clip.yfcc15m',
  'RN50 cc12m rn50-quickgelu-cc12m-f000538c resnet50_clip.cc12m',
  'RN101 openai resnet101_clip.openai',
  'RN101 yfcc15m rn101-quickgelu-yfcc15m-3e04b30e resnet101_clip.yfcc15m',
  'RN50x4 openai resnet50x4_clip.openai',
  'RN50x16 openai resnet50x16_clip.openai',
  'RN50x64 openai resnet50x64_clip.openai',
  'ViT-B-32 openai vit_base_patch32_clip_224.openai',
  'ViT-B-32 laion400m_e31 vit_b_32-quickgelu-laion400m_e31-d867053b vit_base_patch32_clip_224.laion400m_e31',
  'ViT-B-32 laion400m_e32 vit_b_32-quickgelu-laion400m_e32-46683a32 vit_base_patch32_clip_224.laion400m_e32',
  'ViT-B-32 metaclip_400m b32_400m vit_base_patch32_clip_224.metaclip_400m',
  'ViT-B-32 metaclip_fullcc b32_fullcc2.5b vit_base_patch32_clip_224.metaclip_2pt5b',
  'ViT-B-16 openai vit_base_patch16_clip_224.openai',
  'ViT-B-16 dfn2b DFN2B-CLIP-ViT-B-16',
  'ViT-B-16 metaclip_400m b16_400m vit_base_patch16_clip_224.metaclip_400m',
  'ViT-B-16 metaclip_fullcc b16_fullcc2.5b vit_base_patch16_clip_224.metaclip_2pt5b',
  'ViT-L-14 openai vit_large_patch14_clip_224.openai',
  'ViT-L-14 metaclip_400m l14_400m vit_large_patch14_clip_224.metaclip_400m',
  'ViT-L-14 metaclip_fullcc l14_fullcc2.5b vit_large_patch14_clip_224.metaclip_2pt5b',
  'ViT-L-14 dfn2b DFN2B-CLIP-ViT-L-14',
  'ViT-L-14-336 openai vit_large_patch14_clip_336.openai',
  'ViT-H-14 metaclip_fullcc h14_fullcc2.5b vit_huge_patch14_clip_224.metaclip_2pt5b',
  'ViT-H-14 dfn5b DFN5B-CLIP-ViT-H-14',
  'ViT-H-14-378 dfn5b DFN5B-CLIP-ViT-H-14-378',
  'ViT-bigG-14 metaclip_fullcc G14_fullcc2.5b vit_gigantic_patch14_clip_224.metaclip_2pt5b',
  'ViT-H-14-worldwide metaclip2_worldwide vit_huge_patch14_clip_224.metaclip2_worldwide',
  // the repositories of transformers, and what comes with this project
  'clip-vit-base-patch32 openai clip-vit-base-patch32',
  'clip-vit-base-patch16 openai clip-vit-base-patch16',
  'clip-vit-large-patch14 openai clip-vit-large-patch14',
  'clip-vit-large-patch14-336 openai clip-vit-large-patch14-336',
  'clip-oracle mini-vit mini-vit',
  'clip-oracle mini-rn mini-rn mini-rn.visual',
] as const;

const GELU = [
  'ViT-B-32 laion2b_e16 vit_b_32-laion2b_e16-af8dbd0c vit_base_patch32_clip_224.laion2b_e16',
  'ViT-B-32 laion2b_s34b_b79k CLIP-ViT-B-32-laion2B-s34B-b79K',
  'ViT-B-32 datacomp_xl_s13b_b90k CLIP-ViT-B-32-DataComp.XL-s13B-b90K',
  'ViT-B-32 datacomp_m_s128m_b4k CLIP-ViT-B-32-DataComp.M-s128M-b4K',
  'ViT-B-32 commonpool_m_clip_s128m_b4k CLIP-ViT-B-32-CommonPool.M.clip-s128M-b4K',
  'ViT-B-32 commonpool_m_laion_s128m_b4k CLIP-ViT-B-32-CommonPool.M.laion-s128M-b4K',
  'ViT-B-32 commonpool_m_image_s128m_b4k CLIP-ViT-B-32-CommonPool.M.image-s128M-b4K',
  'ViT-B-32 commonpool_m_text_s128m_b4k CLIP-ViT-B-32-CommonPool.M.text-s128M-b4K',
  'ViT-B-32 commonpool_m_basic_s128m_b4k CLIP-ViT-B-32-CommonPool.M.basic-s128M-b4K',
  'ViT-B-32 commonpool_m_s128m_b4k CLIP-ViT-B-32-CommonPool.M-s128M-b4K',
  'ViT-B-32 datacomp_s_s13m_b4k CLIP-ViT-B-32-DataComp.S-s13M-b4K',
  'ViT-B-32 commonpool_s_clip_s13m_b4k CLIP-ViT-B-32-CommonPool.S.clip-s13M-b4K',
  'ViT-B-32 commonpool_s_laion_s13m_b4k CLIP-ViT-B-32-CommonPool.S.laion-s13M-b4K',
  'ViT-B-32 commonpool_s_image_s13m_b4k CLIP-ViT-B-32-CommonPool.S.image-s13M-b4K',
  'ViT-B-32 commonpool_s_text_s13m_b4k CLIP-ViT-B-32-CommonPool.S.text-s13M-b4K',
  'ViT-B-32 commonpool_s_basic_s13m_b4k CLIP-ViT-B-32-CommonPool.S.basic-s13M-b4K',
  'ViT-B-32 commonpool_s_s13m_b4k CLIP-ViT-B-32-CommonPool.S-s13M-b4K',
  'ViT-B-32-256 datacomp_s34b_b86k CLIP-ViT-B-32-256x256-DataComp-s34B-b86K',
  'ViT-B-16 laion400m_e31 vit_b_16-laion400m_e31-00efa78f vit_base_patch16_clip_224.laion400m_e31',
  'ViT-B-16 laion400m_e32 vit_b_16-laion400m_e32-55e67d44 vit_base_patch16_clip_224.laion400m_e32',
  'ViT-B-16 laion2b_s34b_b88k CLIP-ViT-B-16-laion2B-s34B-b88K',
  'ViT-B-16 datacomp_xl_s13b_b90k CLIP-ViT-B-16-DataComp.XL-s13B-b90K',
  'ViT-B-16 datacomp_l_s1b_b8k CLIP-ViT-B-16-DataComp.L-s1B-b8K',
  'ViT-B-16 commonpool_l_clip_s1b_b8k CLIP-ViT-B-16-CommonPool.L.clip-s1B-b8K',
  'ViT-B-16 commonpool_l_laion_s1b_b8k CLIP-ViT-B-16-CommonPool.L.laion-s1B-b8K',
  'ViT-B-16 commonpool_l_image_s1b_b8k CLIP-ViT-B-16-CommonPool.L.image-s1B-b8K',
  'ViT-B-16 commonpool_l_text_s1b_b8k CLIP-ViT-B-16-CommonPool.L.text-s1B-b8K',
  'ViT-B-16 commonpool_l_basic_s1b_b8k CLIP-ViT-B-16-CommonPool.L.basic-s1B-b8K',
  'ViT-B-16 commonpool_l_s1b_b8k CLIP-ViT-B-16-CommonPool.L-s1B-b8K',
  'ViT-B-16-plus-240 laion400m_e31 vit_b_16_plus_240-laion400m_e31-8fb26589 vit_base_patch16_plus_clip_240.laion400m_e31',
  'ViT-B-16-plus-240 laion400m_e32 vit_b_16_plus_240-laion400m_e32-699c4b84 vit_base_patch16_plus_clip_240.laion400m_e31',
  'ViT-L-14 laion400m_e31 vit_l_14-laion400m_e31-69988bb6 vit_large_patch14_clip_224.laion400m_e31',
  'ViT-L-14 laion400m_e32 vit_l_14-laion400m_e32-3d133497 vit_large_patch14_clip_224.laion400m_e32',
  'ViT-L-14 laion2b_s32b_b82k CLIP-ViT-L-14-laion2B-s32B-b82K',
  'ViT-L-14 datacomp_xl_s13b_b90k CLIP-ViT-L-14-DataComp.XL-s13B-b90K',
  'ViT-L-14 commonpool_xl_clip_s13b_b90k CLIP-ViT-L-14-CommonPool.XL.clip-s13B-b90K',
  'ViT-L-14 commonpool_xl_laion_s13b_b90k CLIP-ViT-L-14-CommonPool.XL.laion-s13B-b90K',
  'ViT-L-14 commonpool_xl_s13b_b90k CLIP-ViT-L-14-CommonPool.XL-s13B-b90K',
  'ViT-L-14 dfn2b_s39b DFN2B-CLIP-ViT-L-14-39B',
  'ViT-H-14 laion2b_s32b_b79k CLIP-ViT-H-14-laion2B-s32B-b79K',
  'ViT-H-14 metaclip_altogether h14_v1.2_altogether vit_huge_patch14_clip_224.metaclip_altogether',
  'ViT-g-14 laion2b_s12b_b42k CLIP-ViT-g-14-laion2B-s12B-b42K',
  'ViT-g-14 laion2b_s34b_b88k CLIP-ViT-g-14-laion2B-s34B-b88K',
  'ViT-bigG-14 laion2b_s39b_b160k CLIP-ViT-bigG-14-laion2B-39B-b160k',
  'roberta-ViT-B-32 laion2b_s12b_b32k CLIP-ViT-B-32-roberta-base-laion2B-s12B-b32k',
  'xlm-roberta-base-ViT-B-32 laion5b_s13b_b90k CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k',
  'xlm-roberta-large-ViT-H-14 frozen_laion5b_s13b_b90k CLIP-ViT-H-14-frozen-xlm-roberta-large-laion5B-s13B-b90k',
  'coca_ViT-B-32 laion2b_s13b_b90k CoCa-ViT-B-32-laion2B-s13B-b90k',
  'coca_ViT-B-32 mscoco_finetuned_laion2b_s13b_b90k mscoco_finetuned_CoCa-ViT-B-32-laion2B-s13B-b90k',
  'coca_ViT-L-14 laion2b_s13b_b90k CoCa-ViT-L-14-laion2B-s13B-b90k',
  'coca_ViT-L-14 mscoco_finetuned_laion2b_s13b_b90k mscoco_finetuned_CoCa-ViT-L-14-laion2B-s13B-b90k',
  'ViT-L-14-CLIPA datacomp1b ViT-L-14-CLIPA-datacomp1B',
  'ViT-L-14-CLIPA-336 datacomp1b ViT-L-14-CLIPA-336-datacomp1B',
  'ViT-H-14-CLIPA datacomp1b ViT-H-14-CLIPA-datacomp1B',
  'ViT-H-14-CLIPA-336 laion2b ViT-H-14-CLIPA-336-laion2B',
  'ViT-H-14-CLIPA-336 datacomp1b ViT-H-14-CLIPA-336-datacomp1B',
  'ViT-bigG-14-CLIPA datacomp1b ViT-bigG-14-CLIPA-datacomp1B',
  'ViT-bigG-14-CLIPA-336 datacomp1b ViT-bigG-14-CLIPA-336-datacomp1B',
  'ViT-H-14-worldwide-378 metaclip2_worldwide vit_huge_patch14_clip_378.metaclip2_worldwide',
  'ViT-bigG-14-worldwide metaclip2_worldwide vit_gigantic_patch14_clip_224.metaclip2_worldwide',
  'ViT-bigG-14-worldwide-378 metaclip2_worldwide vit_gigantic_patch14_clip_378.metaclip2_worldwide',
] as const;

/** Those whose pixels are not made as OpenAI's are. */
const SQUASHED = [
  'ViT-H-14 dfn5b DFN5B-CLIP-ViT-H-14',
  'ViT-H-14-378 dfn5b DFN5B-CLIP-ViT-H-14-378',
  'ViT-H-14-worldwide-378 metaclip2_worldwide vit_huge_patch14_clip_378.metaclip2_worldwide',
  'ViT-bigG-14-worldwide-378 metaclip2_worldwide vit_gigantic_patch14_clip_378.metaclip2_worldwide',
] as const;
const CENTRED_ON_HALF = ['ViT-L-14 laion2b_s32b_b82k CLIP-ViT-L-14-laion2B-s32B-b82K'] as const;

const PIXELS: ReadonlyMap<string, PixelRules> = new Map<string, PixelRules>([
  ...names(SQUASHED).map((name) => [name, { resize: 'squash' }] as const),
  ...names(CENTRED_ON_HALF).map((name) => [name, { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }] as const),
]);

const RELEASES: ReadonlyMap<string, Activation> = new Map([
  ...names(QUICK_GELU).map((name) => [name, 'quick_gelu'] as const),
  ...names(GELU).map((name) => [name, 'gelu'] as const),
]);

/** All names of some releases: `ViT-B-32-laion2b_e16`, and the stems. open_clip also writes `ViT-B-32-quickgelu`. */
function names(rows: readonly string[]): string[] {
  return rows.flatMap((row) => {
    const [architecture, tag, ...stems] = row.split(' ');
    return [`${architecture}-${tag}`, `${architecture}-quickgelu-${tag}`, ...stems].map(normalized);
  });
}

/** Letters and digits; what separates them differs from place to place. */
function normalized(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/**
 * The activation of a published model.
 * @param origin a path or URL; its file's name without ending and the names of its folders are looked up, those of
 *   Hugging Face's cache (`models--laion--…`) included
 * @returns null if it is not known by its name
 */
export const releasedActivation = (origin: string): Activation | null => byName(RELEASES, origin);

/**
 * How a published model's pixels are made, where that is not OpenAI's way; found as its activation is.
 * @returns null for all others
 */
export const releasedPixels = (origin: string): PixelRules | null => byName(PIXELS, origin);

function byName<V>(table: ReadonlyMap<string, V>, origin: string): V | null {
  for (const segment of origin.split(/[/\\]/).reverse()) {
    const stem = segment.replace(/(\.(pt|pth|bin|safetensors|gz|index|json))+$/, '').replace(/^models--.*--/, '');
    const found = table.get(normalized(stem));
    if (found !== undefined) return found;
  }
  return null;
}
