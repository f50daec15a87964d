// inspectFile: what it says about files of each kind.

import { describe, expect, test } from 'vitest';
import { bundledFile } from '../../src/clip/weights/bundled.ts';
import { inspectFile } from '../../src/clip/inspect.ts';
import { counting, failure, fixture, temporaryFolder } from '../support/checkpoints.ts';
import { rebuild } from '../support/skeletons.ts';

const folder = temporaryFolder();

describe('inspectFile', () => {
  test('a TorchScript archive of tiny-vit', async () => {
    const file = folder.write('tiny-vit.jit.pt', rebuild('tiny-vit.jit.pt'));
    const found = await inspectFile(file);
    expect(found).toMatchObject({
      path: file,
      fileBytes: 1260564,
      format: 'TorchScript archive',
      kind: 'CLIP',
      layout: 'OpenAI',
      model: 'tiny-vit',
      parameters: { vision: 428032, text: 139841 },
      head: null,
      problems: [],
      elements: 567873,
    });
    expect(found.tensors.find(({ name }) => name === 'visual.proj')).toEqual({
      name: 'visual.proj',
      dtype: 'F16',
      shape: [128, 32],
    });
    expect(found.architecture!.vision!.kind).toBe('VisionTransformer');
  });

  test('a head', async () => {
    expect(await inspectFile(bundledFile('emoji-head.pth'))).toMatchObject({
      kind: 'head',
      format: 'PyTorch zip',
      head: { classes: 1427, width: 128, fits: ['mini-vit', 'mini-rn'] },
      problems: [],
      model: null,
    });
  });

  test('an unfinished model: what is missing is a problem, not an error', async () => {
    const found = await inspectFile(
      folder.write('half.safetensors', counting({ 'visual.conv1.weight': [128, 3, 8, 8], 'visual.proj': [128, 32] })),
    );
    expect(found).toMatchObject({ kind: 'CLIP', architecture: null, parameters: null });
    expect(found.problems.join()).toMatch(/no "visual\.positional_embedding"/);
  });

  test('NaN in the weights, unless values are not looked at', async () => {
    const bytes = counting({ weight: [1, 2], bias: [1] });
    bytes.writeFloatLE(NaN, bytes.length - 8);
    const file = folder.write('nan.safetensors', bytes);
    expect((await inspectFile(file)).problems).toEqual([
      '"weight" has 1 of 2 elements that are not finite (the first is NaN at 1)',
    ]);
    expect((await inspectFile(file, { values: false })).problems).toEqual([]);
  });

  test('other tensors, with their metadata', async () => {
    const found = await inspectFile(folder.write('t.safetensors', counting({ x: [2, 3] }, { made: 'here' })));
    expect(found).toMatchObject({
      kind: 'tensors',
      metadata: { made: 'here' },
      elements: 6,
      bytes: 24,
      tensors: [{ name: 'x', dtype: 'F32', shape: [2, 3] }],
    });
    expect(found.problems.join()).toMatch(/holds no CLIP model that is known here/);
  });

  test("a trainer's checkpoint: the names outside of the model", async () => {
    const found = await inspectFile(fixture('torch/training.pt'));
    expect(found.kind).toBe('CLIP');
    expect(found.outside).toEqual(
      expect.arrayContaining(['model.fc.weight', 'model.fc.bias', 'optimizer.state.0.exp_avg']),
    );
  });

  test('what cannot be read is an error', async () => {
    expect(await failure(inspectFile(fixture('torch/module.pt')))).toMatch(/nothing was executed/);
    expect(await failure(inspectFile('/nowhere'))).toMatch(/does not exist/);
  });
});
