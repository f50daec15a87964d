// Architecture from shapes and back, against OpenAI's table and the published sizes (spec: parameters and GMAC per
// image of the nine).

import { describe, expect, test } from 'vitest';
import { architectureFrom, checkParameters, modelNameFor, parameterShapes } from '../../src/clip/parameters.ts';
import { multiplyAdds, parameterCounts } from '../../src/clip/sizes.ts';
import type { Architecture } from '../../src/clip/architecture.ts';
import { MODELS } from '../../src/clip/models.ts';
import type { TensorInfo } from '../../src/formats/element-types.ts';

const tensorsOf = (architecture: Architecture, towers = {}): Map<string, TensorInfo> =>
  new Map([...parameterShapes(architecture, towers)].map(([name, { shape }]) => [name, { dtype: 'F32', shape }]));
const model = (name: string): Architecture => {
  const { embed, vision, text } = MODELS.find((entry) => entry.name === name)!;
  return { embed, vision, text };
};

describe('architectureFrom', () => {
  test.for(MODELS.map(({ name }) => name))('%s is recognised from the shapes of its tensors', (name) => {
    const architecture = architectureFrom(tensorsOf(model(name)));
    expect(architecture).toEqual(model(name));
    expect(modelNameFor(architecture)).toBe(name);
    checkParameters({ origin: 'x', tensors: tensorsOf(model(name)) }, architecture);
  });

  test.for(['RN50', 'ViT-B/32'])('%s without its text tower is accepted, with or without the temperature', (name) => {
    const tensors = tensorsOf(model(name), { text: false });
    const architecture = architectureFrom(tensors);
    expect(architecture).toEqual({ ...model(name), text: null });
    expect(modelNameFor(architecture)).toBe(name);
    tensors.set('logit_scale', { dtype: 'F32', shape: [] });
    checkParameters({ origin: 'x', tensors }, architectureFrom(tensors));
  });

  test.for([
    ['nothing at all', new Map<string, TensorInfo>(), /neither "visual\.proj".*nor "visual\.attnpool/],
    ['conv1 missing', dropped('tiny-vit', 'visual.conv1.weight'), /no "visual\.conv1\.weight"/],
    ['ln_final missing', dropped('tiny-vit', 'ln_final.weight'), /no "ln_final\.weight"/],
    [
      'conv1 of rank 2',
      changed('tiny-vit', 'visual.conv1.weight', [128, 192]),
      /"visual\.conv1\.weight" expected 4 axes, got shape \(128, 192\)/,
    ],
    ['an empty projection', changed('tiny-vit', 'visual.proj', [128, 0]), /"visual\.proj" expected 2 axes/],
    [
      'positions that are no square',
      changed('tiny-rn', 'visual.attnpool.positional_embedding', [7, 256]),
      /expected a square plus one rows, got 7/,
    ],
  ] as const)('%s is an error', ([, tensors, message]) => {
    expect(() => architectureFrom(tensors)).toThrow(message);
  });
});

function dropped(name: string, ...keys: string[]): Map<string, TensorInfo> {
  const tensors = tensorsOf(model(name));
  for (const key of keys) tensors.delete(key);
  return tensors;
}

function changed(
  name: string,
  key: string,
  shape: number[],
  dtype: TensorInfo['dtype'] = 'F32',
): Map<string, TensorInfo> {
  return tensorsOf(model(name)).set(key, { dtype, shape });
}

describe('checkParameters', () => {
  test.for([
    [
      'one tensor missing',
      dropped('tiny-vit', 'visual.ln_post.bias'),
      /"file" lacks the tensor "visual\.ln_post\.bias" of tiny-vit; the file is incomplete/,
    ],
    [
      'five missing',
      dropped(
        'tiny-rn',
        'visual.bn1.bias',
        'visual.bn1.weight',
        'visual.bn2.bias',
        'visual.bn2.weight',
        'visual.bn3.bias',
      ),
      /lacks 5 tensors "visual\.bn1\.weight", "visual\.bn1\.bias", "visual\.bn2\.weight", … of tiny-rn/,
    ],
    [
      'one extra',
      tensorsOf(model('tiny-vit')).set('visual.extra', { dtype: 'F32', shape: [1] }),
      /has the tensor "visual\.extra" that tiny-vit does not have; remove/,
    ],
    [
      'a wrong shape',
      changed('tiny-vit', 'visual.ln_post.bias', [127]),
      /"visual\.ln_post\.bias" expected shape \(128\) for tiny-vit, got \(127\)/,
    ],
    [
      'positions of another resolution',
      changed('tiny-vit', 'visual.positional_embedding', [18, 128]),
      /expected shape \(17, 128\) for tiny-vit, got \(18, 128\)/,
    ],
    [
      'quantised weights',
      changed('tiny-vit', 'visual.proj', [128, 32], 'I8'),
      /"visual\.proj" expected F32, F16, BF16 or F64, got I8/,
    ],
  ] as const)('%s', ([, tensors, message]) => {
    expect(() =>
      checkParameters({ origin: 'file', tensors }, model(tensors.has('visual.proj') ? 'tiny-vit' : 'tiny-rn')),
    ).toThrow(message);
  });

  test('a width that heads of 64 do not divide is refused', () => {
    const odd: Architecture = {
      embed: 8,
      vision: { kind: 'VisionTransformer', resolution: 32, patch: 8, width: 96, layers: 1, heads: 1.5, mlp: 384 },
      text: null,
    };
    expect(() => checkParameters({ origin: 'file', tensors: tensorsOf(odd) }, odd)).toThrow(
      /the image tower expected a width that its heads divide, got 96 columns for heads of 64; name the number/,
    );
  });
});

describe('sizes', () => {
  // millions of parameters of the image tower (with BatchNorm's statistics) and GMAC per image, to the digits published
  test.for([
    ['RN50', '38.4', '5.8'],
    ['RN101', '56.4', '9.5'],
    ['RN50x4', '87.2', '20.6'],
    ['RN50x16', '167.5', '72.9'],
    ['RN50x64', '420.8', '260'],
    ['ViT-B/32', '87.8', '4.4'],
    ['ViT-B/16', '86.2', '17.6'],
    ['ViT-L/14', '304.0', '81.0'],
    ['ViT-L/14@336px', '304.3', '191'],
  ] as const)('%s has %s M parameters and costs %s GMAC', ([name, millions, gigas]) => {
    expect((parameterCounts(model(name)).vision / 1e6).toFixed(1)).toBe(millions);
    expect((multiplyAdds(model(name)) / 1e9).toFixed(gigas.includes('.') ? 1 : 0)).toBe(gigas);
  });

  test('mini-vit sees the picture with 843,008 parameters', () =>
    expect(parameterCounts(model('mini-vit')).vision).toBe(843008));

  test('a tower without text counts no text', () => expect(parameterCounts(model('mini-rn')).text).toBe(0));
});
