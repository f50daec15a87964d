// VisionTransformer in tfjs operations (the network of src/layers/vision-transformer.ts).

import type { Layer, Layers, Tensor } from './tfjs-layers.ts';

/** x (N,R,R,3) -> (N,E) */
export function visionTransformer(layers: Layers): Layer {
  const { tf } = layers;
  const {
    shape: [T, D],
  } = layers.raw('visual.positional_embedding');
  const positions = layers.tensor('visual.positional_embedding', [1, T, D]);
  const leading = layers.tensor('visual.class_embedding', [1, 1, D]);
  const patches = layers.patches('visual.conv1.weight');
  const pre = layers.layerNorm('visual.ln_pre');
  const post = layers.layerNorm('visual.ln_post');
  const projection = layers.tensor('visual.proj');
  const blocks: ((x: Tensor, N: number) => Tensor)[] = [];
  while (layers.has(`visual.transformer.resblocks.${blocks.length}.ln_1.weight`)) {
    blocks.push(residualAttentionBlock(layers, `visual.transformer.resblocks.${blocks.length}`, D));
  }
  return (x) => {
    const N = x.shape[0];
    const grid = tf.reshape(patches(x), [N, T - 1, D]);
    const tokens = tf.add(tf.concat([N === 1 ? leading : tf.tile(leading, [N, 1, 1]), grid], 1), positions);
    const out = blocks.reduce((y, block) => block(y, N), pre(tf.reshape(tokens, [N * T, D])));
    const first = tf.reshape(tf.slice(tf.reshape(out, [N, T, D]), [0, 0, 0], [N, 1, D]), [N, D]);
    return tf.matMul(post(first), projection);
  };
}

/** x (N·T,D), every token computed */
function residualAttentionBlock(layers: Layers, name: string, D: number): (x: Tensor, N: number) => Tensor {
  const { tf } = layers;
  const project = (i: number, factor: number): Layer =>
    layers.linear(`${name}.attn.in_proj_weight`, `${name}.attn.in_proj_bias`, [i * D, (i + 1) * D], factor);
  const [q, k, v] = [project(0, 1 / 8), project(1, 1), project(2, 1)];
  const outProj = layers.linear(`${name}.attn.out_proj.weight`, `${name}.attn.out_proj.bias`);
  const [ln1, ln2] = [layers.layerNorm(`${name}.ln_1`), layers.layerNorm(`${name}.ln_2`)];
  const fc = layers.linear(`${name}.mlp.c_fc.weight`, `${name}.mlp.c_fc.bias`);
  const proj = layers.linear(`${name}.mlp.c_proj.weight`, `${name}.mlp.c_proj.bias`);
  return (x, N) => {
    const normed = ln1(x);
    const middle = tf.add(x, outProj(layers.attention(q(normed), k(normed), v(normed), N, D / 64)));
    const hidden = fc(ln2(middle));
    return tf.add(middle, proj(tf.mul(hidden, tf.sigmoid(tf.mul(hidden, 1.702)))));
  };
}
