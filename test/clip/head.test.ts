// fc heads: {weight, bias}, the trainer's layout, half precision, safetensors; made by PyTorch
// (fixtures/checkpoints/make_torch.py).

import ndarray from 'ndarray';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLIPModel } from '../../src/clip/clip-model.ts';
import { checkHeadFits, fitsModels, headWidth, loadHead } from '../../src/clip/head.ts';
import { logitsOfEncoded } from '../../src/clip/head-logits.ts';
import { fillSynthetic } from '../../src/clip/weights/synthetic.ts';
import { sizeOf } from '../../src/ops/tensor.ts';
import { bundledFile } from '../../src/clip/weights/bundled.ts';
import { counting, failure, fixture, fixtureJson, safetensors, temporaryFolder } from '../support/checkpoints.ts';

const folder = temporaryFolder();
const expected =
  fixtureJson<Record<string, Record<string, { shape: number[]; values: number[] }>>>('torch/expected.json');

describe('loadHead', () => {
  test.for([
    ['head.half.pth', 'weight', 'bias'],
    ['head.bfloat16.pth', 'fc.weight', 'fc.bias'],
    ['training.pt', 'model.fc.weight', 'model.fc.bias'],
  ] as const)('%s', async ([file, weight, bias]) => {
    const head = await loadHead(fixture(`torch/${file}`));
    expect([head.weight.shape, [...head.weight.data]]).toEqual([
      expected[file][weight].shape,
      expected[file][weight].values,
    ]);
    expect([head.bias.shape, [...head.bias.data]]).toEqual([expected[file][bias].shape, expected[file][bias].values]);
    expect(head.weight.data).toBeInstanceOf(Float32Array);
  });

  test('a file from a graphics card: its location cuda:0 is ignored', async () => {
    const head = await loadHead(fixture('torch/head.cuda.pth'));
    expect([[...head.weight.data], [...head.bias.data]]).toEqual([[1, 1], [0]]);
  });

  test('safetensors with labels', async () => {
    const file = folder.write(
      'head.safetensors',
      counting({ weight: [2, 3], bias: [2] }, { labels: '["real","fake"]' }),
    );
    const head = await loadHead(file);
    expect([head.weight.shape, [...head.weight.data], [...head.bias.data], head.labels]).toEqual([
      [2, 3],
      [1, 2, 3, 4, 5, 6],
      [7, 8],
      ['real', 'fake'],
    ]);
  });

  test.for(['', 'fc.', 'classifier.', 'linear.', 'head.', '0.', 'module.', 'module.classifier.', 'model.head.'])(
    'a linear layer saved as "%sweight", with and without a bias',
    async (prefix) => {
      for (const bias of [true, false]) {
        const shapes = { [`${prefix}weight`]: [2, 3], ...(bias && { [`${prefix}bias`]: [2] }) };
        const head = await loadHead(folder.write('named.safetensors', counting(shapes)));
        expect([head.weight.shape, [...head.weight.data], [...head.bias.data], head.hidden, head.normalized]).toEqual([
          [2, 3],
          [1, 2, 3, 4, 5, 6],
          bias ? [7, 8] : [0, 0],
          undefined,
          undefined,
        ]);
      }
    },
  );

  test('the bundled heads fit mini-vit', async () => {
    for (const [file, classes] of [
      ['emoji-head.pth', 1427],
      ['face-head.pth', 1],
    ] as const) {
      const head = await loadHead(bundledFile(file));
      expect(head.weight.shape).toEqual([classes, 128]);
      checkHeadFits(head, { name: 'mini-vit', embed: 128 });
    }
  });

  test.for([
    [
      'no tensors of a head',
      { a: [1] },
      /holds no fc head: expected "weight" and "bias", alone or after "fc\.", .* got 1 tensors such as "a" \(1\)/,
    ],
    [
      'two heads',
      { 'a.fc.weight': [1, 2], 'b.fc.weight': [1, 2] },
      /holds 2 heads: "a\.fc\.weight", "b\.fc\.weight"; save/,
    ],
    ['two heads by other names', { 'linear.weight': [1, 2], 'head.weight': [1, 2] }, /holds 2 heads/],
    [
      'a Sequential of two layers',
      { '0.weight': [4, 2], '0.bias': [4], '2.weight': [1, 4], '2.bias': [1] },
      /"0\.weight" and 2 more tensors such as "2\.weight", "2\.bias", which may be layers before it or after it/,
    ],
    [
      'a Sequential with a name',
      { 'head.0.weight': [4, 2], 'head.0.bias': [4], 'head.2.weight': [1, 4], 'head.2.bias': [1] },
      /holds 2 layers, "head\.0\.weight", "head\.2\.weight", and no file says which activations are between them/,
    ],
    [
      "a classifier behind an encoder's layers",
      { 'encoder.weight': [2, 2], 'classifier.weight': [1, 2] },
      /"classifier\.weight" and 1 more tensors such as "encoder\.weight"/,
    ],
    [
      'an aesthetic MLP whose widths do not follow',
      {
        'layers.0.weight': [1024, 8],
        'layers.2.weight': [128, 1023],
        'layers.4.weight': [64, 128],
        'layers.6.weight': [16, 64],
        'layers.7.weight': [1, 16],
      },
      /"layers\.2\.weight" expected shape \(128, 1024\), got \(128, 1023\); it is not LAION's/,
    ],
    ['a weight of rank 1', { weight: [2], bias: [1] }, /expected shape \(classes, width\), got \(2\)/],
    ['an empty weight', { weight: [0, 2], bias: [0] }, /expected shape \(classes, width\), got \(0, 2\)/],
    ['a bias of another size', { weight: [3, 2], bias: [2] }, /"bias" expected shape \(3\), got \(2\)/],
  ] as const)('%s is an error', async ([, shapes, message]) => {
    expect(
      await failure(loadHead(folder.write('bad.safetensors', counting(shapes as unknown as Record<string, number[]>)))),
    ).toMatch(message);
  });

  test('one output: two labels, a threshold, and whether features are to be normalised', async () => {
    const file = folder.write(
      'one.safetensors',
      counting(
        { weight: [1, 3], bias: [1] },
        { labels: '["real","fake"]', threshold: '0.25', normalized: 'true', model: 'ViT-L/14' },
      ),
    );
    const { labels, threshold, normalized } = await loadHead(file);
    expect([labels, threshold, normalized]).toEqual([['real', 'fake'], 0.25, true]);
    expect(
      await failure(
        loadHead(folder.write('one.safetensors', counting({ weight: [1, 3], bias: [1] }, { labels: '["fake"]' }))),
      ),
    ).toMatch(/"labels" expected a JSON list of 2 names/);
  });

  test('a threshold that is no probability is an error', async () => {
    for (const threshold of ['', 'x', '-0.1', '1.5']) {
      expect(
        await failure(
          loadHead(folder.write('threshold.safetensors', counting({ weight: [1, 3], bias: [1] }, { threshold }))),
        ),
      ).toMatch(/"threshold" expected a number from 0 to 1, got ".*"; fix or remove it/);
    }
  });

  test('labels that do not fit are an error', async () => {
    for (const labels of ['["one"]', 'one,two', '[1,2]', '{}']) {
      expect(
        await failure(
          loadHead(folder.write('labels.safetensors', counting({ weight: [2, 3], bias: [2] }, { labels }))),
        ),
      ).toMatch(/"labels" expected a JSON list of 2 names/);
    }
  });

  test('NaN in a head is an error', async () => {
    await expect(loadHead(fixture('torch/head.nan.pth'))).rejects.toThrow(
      /"weight" has 1 of 2 elements that are not finite \(the first is NaN at 1\)/,
    );
  });

  test('an image, a missing file', async () => {
    expect(await failure(loadHead(folder.write('x.pth', Buffer.from('\x89PNG\r\n\x1a\n00000', 'latin1'))))).toMatch(
      /expected a file of weights, got PNG/,
    );
    expect(await failure(loadHead('/nowhere/head.pth'))).toMatch(/does not exist/);
  });
});

describe('which model does a head fit?', () => {
  test.for([
    [768, ['RN50x16', 'ViT-L/14', 'ViT-L/14@336px']],
    [1024, ['RN50', 'RN50x64']],
    [512, ['RN101', 'ViT-B/32', 'ViT-B/16']],
    [640, ['RN50x4']],
    [128, ['mini-vit', 'mini-rn']],
    [32, ['tiny-rn', 'tiny-vit']],
    [7, []],
  ] as const)('width %i', ([width, models]) => expect(fitsModels(width)).toEqual(models));

  test('the error says which models it would fit', async () => {
    const head = async (width: number): Promise<Awaited<ReturnType<typeof loadHead>>> =>
      loadHead(folder.write('w.safetensors', counting({ weight: [1, width], bias: [1] })));
    const check = (width: number) => async (): Promise<void> =>
      checkHeadFits(await head(width), { name: 'ViT-B/32', embed: 512 });
    await expect(check(768)()).rejects.toThrow(
      'head: "weight" expected shape (classes, 512) for ViT-B/32, got (1, 768); this head fits RN50x16, ' +
        'ViT-L/14, ViT-L/14@336px: choose one of them or another head',
    );
    await expect(check(640)()).rejects.toThrow(/this head fits RN50x4: choose that model/);
    await expect(check(7)()).rejects.toThrow(/no model here has a feature of width 7/);
    await check(512)();
  });
});

describe("LAION's aesthetic MLP", () => {
  const widths = [128, 1024, 128, 64, 16, 1];
  const synthetic = (name: string, shape: number[]): Float32Array => {
    const data = new Float32Array(sizeOf(shape));
    fillSynthetic(0, name, shape, data);
    return data;
  };
  const write = (prefix = ''): string => {
    const header: Record<string, unknown> = {};
    const parts: Buffer[] = [];
    let at = 0;
    [0, 2, 4, 6, 7].forEach((layer, i) => {
      for (const [leaf, shape] of [
        ['weight', [widths[i + 1], widths[i]]],
        ['bias', [widths[i + 1]]],
      ] as const) {
        const data = synthetic(`layers.${layer}.${leaf}`, [...shape]);
        header[`${prefix}layers.${layer}.${leaf}`] = {
          dtype: 'F32',
          shape,
          data_offsets: [at, (at += data.byteLength)],
        };
        parts.push(Buffer.from(data.buffer));
      }
    });
    return folder.write(`aesthetic${prefix}safetensors`, safetensors(header, Buffer.concat(parts)));
  };
  const { logits } = JSON.parse(
    readFileSync(new URL('../../fixtures/heads/aesthetic.json', import.meta.url), 'utf8'),
  ) as { logits: number[] };
  const features = synthetic('features.weight', [3, 128]);

  test.for(['', 'module.'])(
    "gives PyTorch's ratings of features of any length, in both precisions (%s)",
    async (prefix) => {
      const head = await loadHead(write(prefix));
      expect([head.normalized, headWidth(head), head.hidden!.length]).toEqual([true, 128, 4]);
      const in64 = logitsOfEncoded(
        ndarray(
          Float64Array.from(features, (v) => 3 * v),
          [3, 128],
        ),
        head,
      );
      const in32 = logitsOfEncoded(ndarray(features, [3, 128]), head);
      expect(in64.shape).toEqual([3, 1]);
      logits.forEach((truth, n) => {
        expect(Math.abs(in64.data[n] / truth - 1)).toBeLessThan(1e-13);
        expect(Math.abs(in32.data[n] / truth - 1)).toBeLessThan(1e-5);
      });
    },
  );

  test('is a head of CLIPModel, which divides features by their length for it', async () => {
    const model = await CLIPModel.load('mini-vit', { head: write(), threads: 1, precision: 'float64' });
    const found = model.classify(ndarray(Float64Array.from(features), [3, 128]));
    expect(Math.abs(found.data[0] / logits[0] - 1)).toBeLessThan(1e-13);
    await model.close();
  });

  test('fits a model by its first layer', async () => {
    const head = await loadHead(write());
    expect(() => {
      checkHeadFits(head, { name: 'ViT-L/14', embed: 768 });
    }).toThrow(/expected shape \(1024, 768\) for ViT-L\/14, got \(1024, 128\); this head fits mini-vit/);
  });
});
