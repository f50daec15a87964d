// The two widths that a kernel can have: binary32 for float32 mode, binary64 for float64 mode. A builder that takes a
// Mode writes the kernel of either; the kernels' names differ by 64.

import { f32, f32x4, f64, f64x2, v128, type Code } from './assembler.ts';

/** Bytes of an element: 4 in float32 mode, 8 in float64 mode. */
export type Width = 4 | 8;

type Load = (address: Code, offset?: number) => Code;
type Binary = (a: Code, b: Code) => Code;

/** The instructions of one width. */
export interface Mode {
  readonly bytes: Width;
  /** 16 / bytes lanes. */
  readonly vector: { readonly const: (value: number) => Code; readonly add: Binary; readonly mul: Binary };
  readonly scalar: {
    readonly const: (value: number) => Code;
    readonly load: Load;
    readonly store: (address: Code, value: Code, offset?: number) => Code;
  };
  /** Loads one element into all lanes. */
  readonly splat: Load;
}

export const SINGLE: Mode = { bytes: 4, vector: f32x4, scalar: f32, splat: v128.load32_splat };
export const DOUBLE: Mode = { bytes: 8, vector: f64x2, scalar: f64, splat: v128.load64_splat };
