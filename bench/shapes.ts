// The products that the image towers consist of, one image at a time, as text: taken from the architectures
// (src/clip/parameters.ts) by hand, and checked against the models' number of multiply-adds by
// test/bench/shapes.test.ts.
//
//     conv   C  H    O  K  stride  padding  times     (1,C,H,H) * (O,C,K,K)
//     linear M  K    O                      times     (M,K) x (O,K)ᵀ

export const SHAPES: Readonly<Record<string, string>> = {
  RN50: `
    conv      3 224   32 3 2 1   1   stem
    conv     32 112   32 3 1 1   1
    conv     32 112   64 3 1 1   1
    conv     64  56   64 1 1 0   1   layer1
    conv     64  56   64 3 1 1   3
    conv     64  56  256 1 1 0   4
    conv    256  56   64 1 1 0   2
    conv    256  56  128 1 1 0   1   layer2
    conv    128  56  128 3 1 1   1
    conv    256  28  512 1 1 0   1
    conv    128  28  512 1 1 0   4
    conv    512  28  128 1 1 0   3
    conv    128  28  128 3 1 1   3
    conv    512  28  256 1 1 0   1   layer3
    conv    256  28  256 3 1 1   1
    conv    512  14 1024 1 1 0   1
    conv    256  14 1024 1 1 0   6
    conv   1024  14  256 1 1 0   5
    conv    256  14  256 3 1 1   5
    conv   1024  14  512 1 1 0   1   layer4
    conv    512  14  512 3 1 1   1
    conv   1024   7 2048 1 1 0   1
    conv    512   7 2048 1 1 0   3
    conv   2048   7  512 1 1 0   2
    conv    512   7  512 3 1 1   2
    linear   50 2048 2048        2   attnpool: keys, values
    linear    1 2048 2048        1   attnpool: query
    linear    1 2048 1024        1   attnpool: output`,
  'ViT-B/32': `
    conv      3 224  768 32 32 0 1   patches
    linear   50  768  768       22   queries, out_proj
    linear   50  768 1536       12   keys and values
    linear   50  768 3072       11   c_fc
    linear   50 3072  768       11   c_proj
    linear    1  768  768        2   the last block, class token only
    linear    1  768 3072        1
    linear    1 3072  768        1
    linear    1  768  512        1   proj`,
  'ViT-L/14': `
    conv      3 224 1024 14 14 0 1   patches
    linear  257 1024 1024       46   queries, out_proj
    linear  257 1024 2048       24   keys and values
    linear  257 1024 4096       23   c_fc
    linear  257 4096 1024       23   c_proj
    linear    1 1024 1024        2   the last block, class token only
    linear    1 1024 4096        1
    linear    1 4096 1024        1
    linear    1 1024  768        1   proj`,
};

export interface Convolution {
  kind: 'conv';
  C: number;
  H: number;
  O: number;
  K: number;
  stride: number;
  padding: number;
  times: number;
  note: string;
}
export interface Product {
  kind: 'linear';
  M: number;
  K: number;
  O: number;
  times: number;
  note: string;
}
export type Shape = Convolution | Product;

/** The lines of a list, as numbers. */
export function parseShapes(list: string): Shape[] {
  return list
    .trim()
    .split('\n')
    .map((line) => {
      const [kind, ...rest] = line.trim().split(/\s+/);
      const count = kind === 'conv' ? 7 : 4;
      const [a, b, c, d, e, f, g] = rest.slice(0, count).map(Number);
      const note = rest.slice(count).join(' ');
      return kind === 'conv'
        ? { kind, C: a, H: b, O: c, K: d, stride: e, padding: f, times: g, note }
        : { kind: 'linear', M: a, K: b, O: c, times: d, note };
    });
}

/** Multiply-adds of one of them. */
export function workOf(shape: Shape): number {
  if (shape.kind === 'linear') return shape.M * shape.K * shape.O;
  const { C, H, O, K, stride, padding } = shape;
  const extent = Math.floor((H + 2 * padding - K) / stride) + 1;
  return O * extent * extent * C * K * K;
}
