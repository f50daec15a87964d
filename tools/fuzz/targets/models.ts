// Files beside the weights: heads, adapters with their configuration, the configuration of Hugging Face and open_clip.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from '../../../src/clip/adapters/lora.ts';
import { openAdapter, type AdapterSource } from '../../../src/clip/adapters/open.ts';
import { parseAdapter } from '../../../src/clip/adapters/parse.ts';
import { readConfig } from '../../../src/clip/weights/config-beside.ts';
import { loadHead } from '../../../src/clip/head.ts';
import { inspectFile } from '../../../src/clip/inspect.ts';
import { MODELS } from '../../../src/clip/models.ts';
import { concat, uint32LE, utf8 } from '../mutate/bytes.ts';
import { havoc, type Mutator } from '../mutate/havoc.ts';
import { json } from '../mutate/json.ts';
import { pickle } from '../mutate/pickle.ts';
import { safetensors, safetensorsOf } from '../mutate/safetensors.ts';
import { inTorchZip, safetensorsSeeds, torchLegacies, torchZips } from './archives.ts';
import { asFile, MB, scratch, seedFiles, type Target } from './target.ts';

const tiny = MODELS.find(({ name }) => name === 'tiny-vit')!;

async function readAdapter(source: AdapterSource): Promise<Adapter> {
  const file = await openAdapter(source);
  try {
    return await parseAdapter(file, tiny);
  } finally {
    await file.tensors.close();
  }
}

const anyWeights: Mutator = (input, around) =>
  (input[0] === 0x50 ? inTorchZip : input[0] === 0x80 ? pickle : safetensors)(input, around);

const headOf = (metadata: string): Uint8Array =>
  safetensorsOf(
    `{"__metadata__":${metadata},"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}`,
    new Uint8Array(32),
  );

/** Two files in one input: the length of the first, the first, the second. */
const two = (first: Uint8Array, second: Uint8Array): Uint8Array => concat(uint32LE(first.length), first, second);
function apart(input: Uint8Array): [Uint8Array, Uint8Array] {
  const length = input.length < 4 ? 0 : new DataView(input.buffer, input.byteOffset, 4).getUint32(0, true);
  const end = Math.min(input.length, 4 + length);
  return [input.slice(4, end), input.slice(end)];
}

/** An adapter that fits tiny-vit, of rank 1. */
function peftSeed(module: string, inputs: number, outputs: number, config: string): Uint8Array {
  const weights = safetensorsOf(
    `{"base_model.model.${module}.lora_A.weight":{"dtype":"F16","shape":[1,${inputs}],"data_offsets":[0,${2 * inputs}]},` +
      `"base_model.model.${module}.lora_B.weight":{"dtype":"F16","shape":[${outputs},1],"data_offsets":[${2 * inputs},${2 * (inputs + outputs)}]}}`,
    new Uint8Array(2 * (inputs + outputs)),
  );
  return two(utf8(config), weights);
}

const CONFIGURATIONS = ['config.json', 'open_clip_config.json', 'preprocessor_config.json', 'processor_config.json'];

const CONFIG =
  '{"peft_type":"LORA","r":1,"lora_alpha":2,"target_modules":["q_proj"],"rank_pattern":{},"alpha_pattern":{"fc1":4},"use_rslora":false,"bias":"none","init_lora_weights":true}';

export const MODEL_TARGETS: readonly Target[] = [
  {
    name: 'head',
    sources: ['clip/head', 'formats/torch/', 'formats/stored-tensor'],
    mutators: [anyWeights, havoc],
    seeds: () => [
      headOf('{"labels":"[\\"a\\",\\"b\\"]","threshold":"0.5"}'),
      headOf('{"normalized":"true"}'),
      ...torchZips(),
      ...torchLegacies(),
    ],
    limit: (size) => 8 * MB + 2 * 1032 * size,
    run: (input) => loadHead(asFile('head', input)),
  },
  {
    name: 'inspect',
    sources: ['clip/inspect', 'clip/head', 'clip/parameters'],
    mutators: [anyWeights, havoc],
    weight: 0.5,
    seeds: () => [headOf('{}'), ...safetensorsSeeds(), ...torchZips(), ...torchLegacies()],
    limit: (size) => 8 * MB + 2 * 1032 * size,
    run: (input) => inspectFile(asFile('weights', input)),
  },
  {
    name: 'adapter',
    sources: [
      'clip/adapters/open',
      'clip/adapters/parse',
      'clip/adapters/peft',
      'clip/adapters/targets',
      'formats/json',
    ],
    seeds: () => [
      peftSeed('vision_model.encoder.layers.0.self_attn.q_proj', 128, 128, CONFIG),
      peftSeed(
        'visual.transformer.resblocks.1.mlp.c_fc',
        128,
        512,
        CONFIG.replace('"use_rslora":false', '"use_rslora":true'),
      ),
      peftSeed('transformer.resblocks.0.attn', 64, 192, CONFIG.replace('{}', '{".*attn":1}')),
      ...seedFiles(['adapters'], ['.json']).map((config) => two(config, safetensorsSeeds()[0])),
    ],
    mutators: [
      (input, around) => {
        const [config, weights] = apart(input);
        const parts = (bytes: Uint8Array): Uint8Array => apart(bytes)[around.random.below(2)];
        const inside = { ...around, other: () => parts(around.other()) };
        return around.random.one(2) ? two(json(config, inside), weights) : two(config, safetensors(weights, inside));
      },
    ],
    limit: (size) => 8 * MB + 1032 * size,
    run(input) {
      const [config, weights] = apart(input);
      const folder = join(scratch(), 'adapter');
      mkdirSync(folder, { recursive: true });
      asFile('adapter/adapter_config.json', config);
      asFile('adapter/adapter_model.safetensors', weights);
      return readAdapter(folder);
    },
  },
  {
    name: 'adapter-file',
    sources: ['clip/adapters/'],
    mutators: [anyWeights, havoc],
    weight: 0.5,
    seeds: () => [
      ...seedFiles(['adapters'], ['.pt']),
      ...torchZips(),
      safetensorsOf(
        '{"__metadata__":{"r":"1","alpha":"2","encoder":"vision","params":"[\\"q\\"]","position":"all"},"layer_0.q_proj.w_lora_A":{"dtype":"F16","shape":[1,128],"data_offsets":[0,256]},"layer_0.q_proj.w_lora_B":{"dtype":"F16","shape":[128,1],"data_offsets":[256,512]}}',
        new Uint8Array(512),
      ),
      safetensorsOf(
        '{"visual.transformer.resblocks.0.attn.in_proj.lora_A":{"dtype":"F16","shape":[1,128],"data_offsets":[0,256]},"visual.transformer.resblocks.0.attn.in_proj.lora_B":{"dtype":"F16","shape":[384,1],"data_offsets":[256,1024]}}',
        new Uint8Array(1024),
      ),
    ],
    limit: (size) => 8 * MB + 2 * 1032 * size,
    run: (input) => readAdapter({ path: asFile('adapter.pt', input), alpha: 1, enableLora: [true, false, true] }),
  },
  {
    name: 'config',
    sources: ['clip/weights/config', 'clip/weights/pixel-config'],
    mutators: [json, havoc],
    weight: 0.5,
    seeds: () => [
      utf8(
        '{"hidden_act":"quick_gelu","vision_config":{"hidden_size":768,"num_attention_heads":12,"hidden_act":"gelu"},"text_config":{"hidden_act":"gelu"}}',
      ),
      utf8('{"model_cfg":{"embed_dim":512,"quick_gelu":true,"vision_cfg":{"width":768,"head_width":64}}}'),
      utf8(
        '{"preprocess_cfg":{"size":[224,224],"mean":[0.5,0.5,0.5],"std":0.5,"interpolation":"bilinear","resize_mode":"longest","fill_color":7}}',
      ),
      utf8(
        '{"image_processor_type":"CLIPImageProcessorFast","size":{"shortest_edge":256},"crop_size":{"height":224,"width":224},"resample":3,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}',
      ),
      utf8('{"image_processor":{"do_center_crop":false,"size":{"height":336,"width":336},"resample":2}}'),
    ],
    limit: (size) => MB + 64 * size,
    run(input) {
      const folder = join(scratch(), 'config');
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      asFile(`config/${CONFIGURATIONS[input.length % CONFIGURATIONS.length]}`, input);
      return readConfig(join(folder, 'x'), input.length % 3 === 0 ? 'open_clip' : 'huggingface');
    },
  },
];
