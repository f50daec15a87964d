// fc heads: {weight, bias}, the trainer's layout, half precision, safetensors; made by PyTorch
// (fixtures/checkpoints/make_torch.py).

import { describe, expect, test } from 'vitest';
import { checkHeadFits, fitsModels, loadHead } from '../../src/clip/head.ts';
import { bundledFile } from '../../src/clip/weights/bundled.ts';
import { counting, failure, fixture, fixtureJson, temporaryFolder } from '../support/checkpoints.ts';

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
      /holds no fc head: expected "weight" and "bias", or "fc\.weight" and "fc\.bias", got 1 tensors such as "a" \(1\)/,
    ],
    ['no bias', { weight: [1, 2] }, /"weight" but no "bias"; save the head with its bias/],
    ['two heads', { 'a.fc.weight': [1, 2], 'b.fc.weight': [1, 2] }, /holds 2 heads/],
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
