// What docs/dumping-traces.md shows is what the snippets are, and the parts of them that need no runtime do what it
// says. The runtimes: test/examples/dump.slow.test.ts.

import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const read = (path: string): string => readFileSync(at(path), 'utf8');
const page = read('docs/dumping-traces.md');

interface Expose {
  modulesOf(name: string): string[];
  exposeOutputs(
    onnx: Uint8Array,
    wanted?: (module: string) => boolean,
  ): { model: Uint8Array; modules: Map<string, string> };
  mappingFile(modules: Map<string, string>): string;
}
const { modulesOf, exposeOutputs, mappingFile } = (await import(at('examples/dump/expose-outputs.mjs').href)) as Expose;
const { safetensors } = (await import(at('examples/dump/safetensors.mjs').href)) as {
  safetensors(
    tensors: Record<string, { dims: number[]; data: Float32Array }>,
    metadata?: Record<string, string>,
  ): Uint8Array[];
};

test('every piece of code on the page is in the file that the line above it links', () => {
  const pieces = [...page.matchAll(/^\[([\w.-]+)\]\(\.\.\/(examples\/dump\/[\w.-]+)\):\n\n```\w+\n(.*?)\n```$/gms)];
  expect(pieces.length).toBe(page.match(/^```\w/gm)!.length);
  for (const [, , file, code] of pieces) expect(read(file)).toContain(code);
});

test('every file that the page links exists', () => {
  for (const [, link] of page.matchAll(/\]\((\.\.[^)#]+)\)/g))
    expect(existsSync(new URL(link, at('docs/'))), link).toBe(true);
});

test('no snippet has a package that is not of its runtime', () => {
  const allowed: Record<string, string[]> = {
    'onnxruntime-node.mjs': ['onnxruntime-node'],
    'transformers-js.mjs': ['@huggingface/transformers'],
  };
  for (const file of [
    'expose-outputs.mjs',
    'safetensors.mjs',
    'onnxruntime-node.mjs',
    'onnxruntime-web.mjs',
    'transformers-js.mjs',
  ]) {
    const packages = [...read(`examples/dump/${file}`).matchAll(/^import .* from '([^'.][^']*)'/gm)]
      .map(([, name]) => name)
      .filter((name) => !name.startsWith('node:'));
    expect(packages).toEqual(allowed[file] ?? []);
  }
});

describe('modules of a node', () => {
  test.each([
    ['/visual/conv1/Conv', ['visual.conv1', 'visual']],
    [
      '/visual/layer1/layer1.0/downsample/downsample.0/Conv',
      ['visual.layer1.0.downsample.0', 'visual.layer1.0.downsample', 'visual.layer1.0', 'visual.layer1', 'visual'],
    ],
    [
      '/visual/layer1/layer1.0/downsample/-1/AveragePool',
      ['visual.layer1.0.downsample.-1', 'visual.layer1.0.downsample', 'visual.layer1.0', 'visual.layer1', 'visual'],
    ],
    [
      '/visual/transformer/resblocks/resblocks.11/mlp/c_fc/Add',
      [
        'visual.transformer.resblocks.11.mlp.c_fc',
        'visual.transformer.resblocks.11.mlp',
        'visual.transformer.resblocks.11',
        'visual.transformer.resblocks',
        'visual.transformer',
        'visual',
      ],
    ],
    ['Constant_276', []],
  ])('%s', (name, expected) => expect(modulesOf(name)).toEqual(expected));
});

/**
 * An ONNX model with nothing but nodes (name, output) and outputs, written field by field as the ONNX protocol buffer
 * says.
 */
function onnx(nodes: [name: string, output: string][], outputs: string[]): Uint8Array<ArrayBuffer> {
  const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
  const field = (number: number, content: number[]): number[] => [
    ...varint((number << 3) | 2),
    ...varint(content.length),
    ...content,
  ];
  const text = (number: number, value: string): number[] => field(number, [...new TextEncoder().encode(value)]);
  const graph = [
    ...nodes.flatMap(([name, output]) =>
      field(1, [...text(1, 'some input'), ...text(2, output), ...text(3, name), ...text(4, 'Op')]),
    ),
    ...outputs.flatMap((name) => field(12, text(1, name))),
  ];
  // ir_version (a varint), producer_name, the graph, opset_import
  return Uint8Array.from([8, 8, ...text(2, 'test'), ...field(7, graph), ...field(8, [16, 13])]);
}

describe('exposeOutputs', () => {
  const nodes: [string, string][] = [
    ['/visual/conv1/Conv', 'a'],
    ['/visual/layer1/layer1.0/conv1/Conv', 'b'],
    ['/visual/layer1/layer1.0/Add', 'c'],
    ['/visual/layer1/layer1.0/relu3/Relu', 'd'],
    ['Constant_4', 'e'],
    ['/visual/attnpool/If', 'features'],
  ];

  test("a module's output is its last node's, and becomes the graph's, once", () => {
    const { model, modules } = exposeOutputs(onnx(nodes, ['features']));
    expect(Object.fromEntries(modules)).toEqual({
      visual: 'features',
      'visual.conv1': 'a',
      'visual.layer1': 'd',
      'visual.layer1.0': 'd',
      'visual.layer1.0.conv1': 'b',
      'visual.layer1.0.relu3': 'd',
      'visual.attnpool': 'features',
    });
    expect(Buffer.from(model)).toEqual(Buffer.from(onnx(nodes, ['features', 'a', 'b', 'd'])));
    expect(Buffer.from(exposeOutputs(model).model)).toEqual(Buffer.from(model));
  });

  test("the mapping file has every value once, the innermost module's; the features are visual", () => {
    expect(JSON.parse(mappingFile(exposeOutputs(onnx(nodes, ['features'])).modules))).toEqual({
      a: 'visual.conv1',
      b: 'visual.layer1.0.conv1',
      d: 'visual.layer1.0.relu3',
      features: 'visual',
    });
  });

  test('only what is wanted', () => {
    expect([...exposeOutputs(onnx(nodes, ['features']), (name) => name === 'visual.conv1').modules]).toEqual([
      ['visual.conv1', 'a'],
    ]);
  });

  test("Hugging Face's modules get OpenAI's names", () => {
    const theirs = [
      '/vision_model/embeddings/patch_embedding/Conv',
      '/vision_model/pre_layrnorm/Add',
      '/vision_model/encoder/layers.3/layer_norm1/Add',
      '/vision_model/encoder/layers.3/self_attn/out_proj/Add',
      '/vision_model/encoder/layers.3/layer_norm2/Add',
      '/vision_model/encoder/layers.3/mlp/fc1/Add',
      '/vision_model/encoder/layers.3/mlp/activation_fn/Mul',
      '/vision_model/encoder/layers.3/mlp/fc2/Add',
      '/vision_model/encoder/layers.3/Add_1',
      '/vision_model/post_layernorm/Add',
      '/visual_projection/MatMul',
    ];
    const { modules } = exposeOutputs(
      onnx(
        theirs.map((name, i) => [name, `v${i}`]),
        [],
      ),
    );
    expect(Object.fromEntries(modules)).toMatchObject({
      'visual.conv1': 'v0',
      'visual.ln_pre': 'v1',
      'visual.transformer.resblocks.3.ln_1': 'v2',
      'visual.transformer.resblocks.3.attn': 'v3',
      'visual.transformer.resblocks.3.ln_2': 'v4',
      'visual.transformer.resblocks.3.mlp.c_fc': 'v5',
      'visual.transformer.resblocks.3.mlp.gelu': 'v6',
      'visual.transformer.resblocks.3.mlp.c_proj': 'v7',
      'visual.transformer.resblocks.3.mlp': 'v7',
      'visual.transformer.resblocks.3': 'v8',
      'visual.ln_post': 'v9',
      visual: 'v10',
    });
  });

  test('a file that is no such model is refused in a sentence', () => {
    expect(() => exposeOutputs(onnx([['Conv_0', 'a']], ['a']))).toThrow(
      /^expected an ONNX model whose nodes are named by module, .*; found none$/,
    );
    expect(() => exposeOutputs(Uint8Array.from([7, 7, 7]))).toThrow(
      'expected an ONNX model; this is no protocol buffer',
    );
  });
});

test('safetensors: a reader of the format gets back names, shapes, numbers and metadata', () => {
  const tensors = fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
    fc.array(fc.float({ noNaN: true }), { minLength: 0, maxLength: 9 }),
    { maxKeys: 6 },
  );
  fc.assert(
    fc.property(tensors, fc.string(), (lists, word) => {
      const given = Object.fromEntries(
        Object.entries(lists).map(([name, list]) => [
          name,
          { dims: [1, list.length], data: Float32Array.from([99, ...list]).subarray(1) },
        ]),
      );
      const file = Buffer.concat(safetensors(given, { model: word }));
      const length = Number(file.readBigUInt64LE(0));
      const { __metadata__: metadata, ...entries } = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<
        string,
        { dtype: string; shape: number[]; data_offsets: [number, number] }
      >;
      expect(metadata).toEqual({ model: word });
      expect(Object.keys(entries).sort()).toEqual(Object.keys(lists).sort());
      let end = 0;
      for (const [
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ] of Object.entries(entries).sort(
        ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
      )) {
        expect([dtype, shape, from]).toEqual(['F32', [1, lists[name].length], end]);
        end = to;
        expect(Array.from({ length: (to - from) / 4 }, (_, i) => file.readFloatLE(8 + length + from + 4 * i))).toEqual(
          lists[name].map((x) => Math.fround(x)),
        );
      }
      expect(8 + length + end).toBe(file.length);
    }),
  );
});
