// Heads that are not 64 columns wide and MLPs that are not four times as wide, as in open_clip's ViT-H/14, ViT-g/14 and
// ViT-bigG/14: features against PyTorch's in float64 (fixtures/heads), and how weights say it. heads.long.test.ts has
// the real widths.

import { mkdirSync, writeFileSync } from 'node:fs';
import ndarray from 'ndarray';
import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../src/clip/architecture.ts';
import { load } from '../../src/clip/load.ts';
import { architectureFrom, checkParameters, parameterShapes, parameterUses } from '../../src/clip/parameters.ts';
import { multiplyAdds, parameterCounts } from '../../src/clip/sizes.ts';
import { fillSynthetic, syntheticImage } from '../../src/clip/weights/synthetic.ts';
import { SimdExecutor } from '../../src/executors/simd.ts';
import { placeWeights } from '../../src/executors/weights.ts';
import type { TensorInfo } from '../../src/formats/element-types.ts';
import { sizeOf } from '../../src/ops/tensor.ts';
import { expectSameBits } from '../support/bits.ts';
import { safetensors, temporaryFolder } from '../support/checkpoints.ts';
import { ARCHITECTURES, expectFeatures, modelOf, tokens } from '../support/heads.ts';

const SMALL = Object.keys(ARCHITECTURES).filter((name) => name.startsWith('heads of'));
const folder = temporaryFolder();

test.each(SMALL)("%s: float64 has PyTorch's features, float32 is near them, SIMD has the plain loops' bits", (name) =>
  expectFeatures(name, true),
);

type Named = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** All parameters of an architecture under OpenAI's names. */
function parametersOf(architecture: Architecture): Named {
  return new Map(
    [...parameterShapes(architecture)].map(([name, { shape }]) => {
      const data = new Float32Array(sizeOf(shape));
      fillSynthetic(0, name, shape, data);
      return [name, { shape, data }];
    }),
  );
}

function write(path: string, tensors: Named): void {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  writeFileSync(
    path,
    safetensors(header, Buffer.concat([...tensors.values()].map(({ data }) => Buffer.from(data.buffer)))),
  );
}

/** open_clip's CustomTextCLIP has the text tower under `text.`. */
function openClip(tensors: Named, architecture: Architecture): { tensors: Named; config: unknown } {
  const { vision, text, embed } = architecture as Architecture & { vision: { kind: 'VisionTransformer' } };
  const custom = [...tensors].map(([name, tensor]) => [
    name.startsWith('visual.') || name === 'logit_scale' ? name : `text.${name}`,
    tensor,
  ]) as [string, { shape: number[]; data: Float32Array }][];
  return {
    tensors: new Map(custom),
    config: {
      model_cfg: {
        embed_dim: embed,
        vision_cfg: {
          image_size: vision.resolution,
          layers: vision.layers,
          width: vision.width,
          head_width: vision.width / vision.heads,
          mlp_ratio: vision.mlp / vision.width,
          patch_size: vision.patch,
        },
        text_cfg: { width: text!.width, heads: text!.heads, layers: text!.layers },
      },
    },
  };
}

/** Hugging Face: other names, q, k and v apart, the projections transposed. */
function huggingFace(tensors: Named, { vision, text }: Architecture): { tensors: Named; config: unknown } {
  const out: Named = new Map();
  for (const [name, tensor] of tensors) {
    const block = /^(visual\.)?transformer\.resblocks\.(\d+)\.(.*)$/.exec(name);
    const tower = name.startsWith('visual.') ? 'vision_model' : 'text_model';
    if (block !== null) {
      const prefix = `${tower}.encoder.layers.${block[2]}.`;
      const inProjection = /^attn\.in_proj_(weight|bias)$/.exec(block[3]);
      if (inProjection !== null) {
        const D = tensor.shape[0] / 3;
        ['q', 'k', 'v'].forEach((letter, i) => {
          const third = tensor.data.length / 3;
          out.set(`${prefix}self_attn.${letter}_proj.${inProjection[1]}`, {
            shape: [D, ...tensor.shape.slice(1)],
            data: tensor.data.slice(i * third, (i + 1) * third),
          });
        });
        continue;
      }
      const rest = block[3]
        .replace('attn.out_proj', 'self_attn.out_proj')
        .replace('ln_', 'layer_norm')
        .replace('mlp.c_fc', 'mlp.fc1')
        .replace('mlp.c_proj', 'mlp.fc2');
      out.set(prefix + rest, tensor);
    } else if (name === 'visual.proj' || name === 'text_projection') {
      const [K, O] = tensor.shape;
      out.set(name === 'visual.proj' ? 'visual_projection.weight' : 'text_projection.weight', {
        shape: [O, K],
        data: Float32Array.from(tensor.data, (_, i) => tensor.data[(i % K) * O + Math.floor(i / K)]),
      });
    } else {
      const names: Record<string, string> = {
        'visual.class_embedding': 'vision_model.embeddings.class_embedding',
        'visual.positional_embedding': 'vision_model.embeddings.position_embedding.weight',
        'visual.conv1.weight': 'vision_model.embeddings.patch_embedding.weight',
        'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
        positional_embedding: 'text_model.embeddings.position_embedding.weight',
      };
      const other = name
        .replace('visual.ln_pre', 'vision_model.pre_layrnorm')
        .replace('visual.ln_post', 'vision_model.post_layernorm')
        .replace('ln_final', 'text_model.final_layer_norm');
      out.set(names[name] ?? other, tensor);
    }
  }
  const config = (tower: { width: number; heads?: number; mlp?: number }): unknown => ({
    hidden_act: 'gelu',
    hidden_size: tower.width,
    num_attention_heads: tower.heads,
    intermediate_size: tower.mlp,
  });
  return { tensors: out, config: { vision_config: config(vision as never), text_config: config(text!) } };
}

describe.each(SMALL)('weights in files: %s', (name) => {
  test.each([
    ['open_clip_config.json', openClip],
    ['config.json', huggingFace],
  ] as const)('%s beside them says the heads', async (file, convert) => {
    const architecture = ARCHITECTURES[name];
    const { tensors, config } = convert(parametersOf(architecture), architecture);
    const place = `${folder.path}/${name} ${file}`;
    mkdirSync(place);
    write(`${place}/model.safetensors`, tensors);
    writeFileSync(`${place}/${file}`, JSON.stringify(config));
    const { model } = await load(place, { executor: 'simd', threads: 1 });
    expect(model.architecture).toEqual(architecture);
    const direct = modelOf(name, { executor: 'simd', threads: 1 });
    const image = syntheticImage(0, 2, architecture.vision!.resolution);
    expectSameBits(await model.encodeImage(image), await direct.encodeImage(image));
    expectSameBits(await model.encodeText(tokens), await direct.encodeText(tokens));
    await model.close();
    await direct.close();
  });
});

/** open_clip's docs/model_profile.csv: millions of parameters, and GFLOP of an image (two per multiply-add). */
const PUBLISHED = [
  ['ViT-H-14', [1280, 32, 16, 5120], [1024, 24, 16], 1024, 632.08, 354.03, 334.59],
  ['ViT-g-14', [1408, 40, 16, 6144], [1024, 24, 16], 1024, 1012.65, 354.03, 534.06],
  ['ViT-bigG-14', [1664, 48, 16, 8192], [1280, 32, 20], 1280, 1844.91, 694.66, 967.5],
] as const;

describe.each(PUBLISHED)("open_clip's %s", (_, vision, text, embed, imageMillions, textMillions, gflop) => {
  const architecture: Architecture = {
    embed,
    vision: {
      kind: 'VisionTransformer',
      resolution: 224,
      patch: 14,
      width: vision[0],
      layers: vision[1],
      heads: vision[2],
      mlp: vision[3],
    },
    text: { context: 77, vocabulary: 49408, width: text[0], layers: text[1], heads: text[2], mlp: 4 * text[0] },
  };
  const tensors = (dtype: 'F32' | 'F16' = 'F32'): Map<string, TensorInfo> =>
    new Map([...parameterShapes(architecture)].map(([name, { shape }]) => [name, { dtype, shape }]));

  test('is recognised by its shapes, without a configuration, and has the published sizes', () => {
    expect(architectureFrom(tensors())).toEqual(architecture);
    checkParameters({ origin: 'file', tensors: tensors() }, architecture);
    const counts = parameterCounts(architecture);
    expect((counts.vision / 1e6).toFixed(2)).toBe(imageMillions.toFixed(2));
    expect((counts.text / 1e6).toFixed(2)).toBe(textMillions.toFixed(2));
    // theirs has the two products of attention or not, by version: within 3 %
    expect((2 * multiplyAdds(architecture)) / 1e9 / gflop).toBeCloseTo(1, 1);
  });

  test('its image tower fits into one memory, or is refused before anything is read', async () => {
    const uses = parameterUses(architecture, { text: false });
    const { end } = placeWeights(
      { tensors: tensors(), read: () => Promise.reject(new Error('read')) },
      uses,
      'single',
      0,
    );
    const half = placeWeights(
      { tensors: tensors('F16'), read: () => Promise.reject(new Error('read')) },
      uses,
      'half',
      0,
    );
    expect(half.end).toBeLessThan(3.75e9);
    if (end < 2 ** 32) {
      expect(vision[0]).toBeLessThan(1664);
      return;
    }
    const executor = new SimdExecutor(1);
    const never = { tensors: tensors(), read: () => Promise.reject(new Error('read all the same')) };
    await expect(executor.readWeights(never, uses)).rejects.toThrow(
      /^the weights need 7\d\d\d MB in one WebAssembly memory, which holds at most 4295 MB; take the plain loops/,
    );
    await executor.close();
  });
});

describe('the number of heads', () => {
  const { vision, text } = ARCHITECTURES['heads of 80'];
  const architecture: Architecture = { embed: 32, vision, text };
  const tensors = new Map(
    [...parameterShapes(architecture)].map(([name, { shape }]) => [name, { dtype: 'F32' as const, shape }]),
  );

  test('of a configuration for another width is not taken', () => {
    const heads = (width: string): unknown =>
      architectureFrom(tensors, { vision_width: width, vision_heads: '2' }).vision!.heads;
    expect(heads('160')).toBe(2);
    expect(heads('128')).toBe(2.5);
  });

  test.each([
    [{}, /the image tower expected a width that its heads divide, got 160 columns for heads of 64; name the number/],
    [
      { vision_width: '160', vision_heads: '7' },
      /the image tower expected a width that its heads divide, got 160 columns for 7 heads/,
    ],
    [{ vision_width: '160', vision_heads: '2' }, /the text tower expected a width that its heads divide/],
  ])('%j: is refused where it does not divide the width', (configured, message) => {
    expect(() => checkParameters({ origin: 'file', tensors }, architectureFrom(tensors, configured))).toThrow(message);
  });
});

test('tokens are checked in the name of the caller', async () => {
  const model = modelOf('heads of 64', { executor: 'simd' });
  await expect(model.encodeText(ndarray(new Int32Array([100]), [1, 1]))).rejects.toThrow(
    /^encodeText: "tokens" expected/,
  );
  await model.close();
});
