// Layers in tfjs operations. Parameters are brought into the kernels' layout once, when the network is built.

export interface Tensor {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What we call of @tensorflow/tfjs. */
export interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(compute: () => T): T;
  tensor(data: Float32Array, shape: number[]): Tensor;
  transpose(x: Tensor, order: number[]): Tensor;
  reshape(x: Tensor, shape: number[]): Tensor;
  concat(x: Tensor[], axis: number): Tensor;
  slice(x: Tensor, begin: number[], size: number[]): Tensor;
  tile(x: Tensor, repeats: number[]): Tensor;
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  mean(x: Tensor, axis: number, keepDims: boolean): Tensor;
  square(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  avgPool(x: Tensor, size: number, stride: number, pad: 'valid'): Tensor;
  conv2d(x: Tensor, filter: Tensor, stride: number, pad: number): Tensor;
  fused: {
    conv2d(options: {
      x: Tensor;
      filter: Tensor;
      strides: number;
      pad: number;
      bias: Tensor;
      activation?: 'relu';
    }): Tensor;
    matMul(options: { a: Tensor; b: Tensor; bias: Tensor }): Tensor;
  };
}

export type Layer = (x: Tensor) => Tensor;
type Parameters = ReadonlyMap<string, { data: Float32Array; shape: number[] }>;

export class Layers {
  readonly tf: Tf;
  readonly #parameters: Parameters;

  constructor(tf: Tf, parameters: Parameters) {
    this.tf = tf;
    this.#parameters = parameters;
  }

  has(name: string): boolean {
    return this.#parameters.has(name);
  }

  raw(name: string): { data: Float32Array; shape: number[] } {
    const found = this.#parameters.get(name);
    if (found === undefined) throw new Error(`the weights hold no "${name}"; write them again`);
    return found;
  }

  tensor(name: string, shape: number[] = this.raw(name).shape): Tensor {
    return this.tf.tensor(this.raw(name).data, shape);
  }

  /** x (N,H,W,C). With a batch norm folded in: w·g/σ, b - μ·g/σ. */
  conv2d(name: string, norm: string, { stride = 1, pad = 0, relu = true } = {}): Layer {
    const {
      data,
      shape: [O, C, KH, KW],
    } = this.raw(`${name}.weight`);
    const [g, b, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
      (leaf) => this.raw(`${norm}.${leaf}`).data,
    );
    const factor = Float64Array.from(g, (value, o) => value / Math.sqrt(variance[o] + 1e-5));
    const folded = new Float32Array(data.length);
    const K = C * KH * KW;
    for (let o = 0; o < O; o++) for (let i = o * K; i < (o + 1) * K; i++) folded[i] = data[i] * factor[o];
    const filter = this.tf.tensor(lastChannels(folded, O, C, KH * KW), [KH, KW, C, O]);
    const bias = this.tf.tensor(
      Float32Array.from(b, (value, o) => value - mean[o] * factor[o]),
      [O],
    );
    return (x) =>
      this.tf.fused.conv2d({ x, filter, strides: stride, pad, bias, ...(relu ? { activation: 'relu' } : {}) });
  }

  /** The patch embedding: no bias, no padding, stride and kernel are the patch. */
  patches(name: string): Layer {
    const {
      data,
      shape: [O, C, KH, KW],
    } = this.raw(name);
    const filter = this.tf.tensor(lastChannels(data, O, C, KH * KW), [KH, KW, C, O]);
    return (x) => this.tf.conv2d(x, filter, KH, 0);
  }

  /** x (M,K) -> (M,O), of rows [from, to) of the weight (O,K), times `factor`. */
  linear(weight: string, bias: string, rows?: readonly [number, number], factor = 1): Layer {
    const {
      data,
      shape: [all, K],
    } = this.raw(weight);
    const [from, to] = rows ?? [0, all];
    const O = to - from;
    const turned = new Float32Array(K * O);
    for (let o = 0; o < O; o++) for (let k = 0; k < K; k++) turned[k * O + o] = data[(from + o) * K + k] * factor;
    const b = this.tf.tensor(turned, [K, O]);
    const added = this.tf.tensor(
      this.raw(bias)
        .data.slice(from, to)
        .map((value) => value * factor),
      [O],
    );
    return (a) => this.tf.fused.matMul({ a, b, bias: added });
  }

  /** over the last axis of x (M,D) */
  layerNorm(name: string): Layer {
    const { tf } = this;
    const [weight, bias] = [this.tensor(`${name}.weight`), this.tensor(`${name}.bias`)];
    return (x) => {
      const centred = tf.sub(x, tf.mean(x, 1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5));
      return tf.add(tf.mul(tf.mul(centred, scale), weight), bias);
    };
  }

  /**
   * q (N·T,D), already divided by the root of the head's width, k and v (N·S,D) -> (N·T,D). One image and one head at a
   * time: batched products miss XNNPACK.
   */
  attention(q: Tensor, k: Tensor, v: Tensor, N: number, heads: number): Tensor {
    const { tf } = this;
    const [T, S, D] = [q.shape[0] / N, k.shape[0] / N, q.shape[1]];
    const width = D / heads;
    const turned = tf.transpose(k, [1, 0]); // (N·S,D) -> (D,N·S)
    const images: Tensor[] = [];
    for (let n = 0; n < N; n++) {
      const mixed: Tensor[] = [];
      for (let a = 0; a < heads; a++) {
        const scores = tf.matMul(
          tf.slice(q, [n * T, a * width], [T, width]),
          tf.slice(turned, [a * width, n * S], [width, S]),
        );
        mixed.push(tf.matMul(tf.softmax(scores), tf.slice(v, [n * S, a * width], [S, width])));
      }
      images.push(tf.concat(mixed, 1));
    }
    return N === 1 ? images[0] : tf.concat(images, 0);
  }
}

/** (O,C,K) -> (K,C,O) */
function lastChannels(data: Float32Array, O: number, C: number, K: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let o = 0; o < O; o++)
    for (let c = 0; c < C; c++) for (let k = 0; k < K; k++) turned[(k * C + c) * O + o] = data[(o * C + c) * K + k];
  return turned;
}
