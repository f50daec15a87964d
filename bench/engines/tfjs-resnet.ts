// ModifiedResNet in tfjs operations (the network of src/layers/modified-resnet.ts).

import type { Layer, Layers } from './tfjs-layers.ts';

/** x (N,R,R,3) -> (N,E) */
export function modifiedResNet(layers: Layers): Layer {
  const { tf } = layers;
  const stem = [
    layers.conv2d('visual.conv1', 'visual.bn1', { stride: 2, pad: 1 }),
    layers.conv2d('visual.conv2', 'visual.bn2', { pad: 1 }),
    layers.conv2d('visual.conv3', 'visual.bn3', { pad: 1 }),
    (x) => tf.avgPool(x, 2, 2, 'valid'),
  ] as Layer[];
  const blocks: Layer[] = [];
  for (const stage of [1, 2, 3, 4]) {
    for (let i = 0; layers.has(`visual.layer${stage}.${i}.conv1.weight`); i++) {
      blocks.push(bottleneck(layers, `visual.layer${stage}.${i}`, i === 0 && stage > 1));
    }
  }
  const pool = attentionPool(layers, 'visual.attnpool');
  return (x) => pool([...stem, ...blocks].reduce((out, layer) => layer(out), x));
}

function bottleneck(layers: Layers, name: string, halves: boolean): Layer {
  const { tf } = layers;
  const half: Layer = halves ? (x) => tf.avgPool(x, 2, 2, 'valid') : (x) => x;
  const conv1 = layers.conv2d(`${name}.conv1`, `${name}.bn1`);
  const conv2 = layers.conv2d(`${name}.conv2`, `${name}.bn2`, { pad: 1 });
  const conv3 = layers.conv2d(`${name}.conv3`, `${name}.bn3`, { relu: false });
  const downsample = layers.has(`${name}.downsample.0.weight`)
    ? layers.conv2d(`${name}.downsample.0`, `${name}.downsample.1`, { relu: false })
    : null;
  return (x) => {
    const identity = downsample === null ? x : downsample(half(x));
    return tf.relu(tf.add(conv3(half(conv2(conv1(x)))), identity));
  };
}

function attentionPool(layers: Layers, name: string): Layer {
  const { tf } = layers;
  const {
    shape: [T, C],
  } = layers.raw(`${name}.positional_embedding`);
  const positions = layers.tensor(`${name}.positional_embedding`, [1, T, C]);
  const linear = (part: string, factor = 1): Layer =>
    layers.linear(`${name}.${part}.weight`, `${name}.${part}.bias`, undefined, factor);
  const [q, k, v, c] = [linear('q_proj', 1 / 8), linear('k_proj'), linear('v_proj'), linear('c_proj')];
  return (x) => {
    const N = x.shape[0];
    const grid = tf.reshape(x, [N, T - 1, C]);
    const tokens = tf.add(tf.concat([tf.mean(grid, 1, true), grid], 1), positions);
    const first = tf.reshape(tf.slice(tokens, [0, 0, 0], [N, 1, C]), [N, C]);
    const flat = tf.reshape(tokens, [N * T, C]);
    return c(layers.attention(q(first), k(flat), v(flat), N, C / 64));
  };
}
