// The order of classes, and what is no sound list of labels.

import { expect, test } from 'vitest';
import { classesOf } from '../../../src/train/head/classes.ts';

test.for<[string, (string | number)[], string[]]>([
  ['names by code points', ['b', 'a', 'Z', 'é', 'a'], ['Z', 'a', 'b', 'é']],
  ["beyond UTF-16's order: U+FF5E before U+1F600", ['😀', '～'], ['～', '😀']],
  ['whole numbers by value', [10, 9, '2', 10], ['2', '9', '10']],
  ['negative ones too', ['-1', '1', '0'], ['-1', '0', '1']],
  ['a number among names is a name', ['10', '9', 'x'], ['10', '9', 'x']],
])('%s', ([, labels, expected]) => {
  const { names, classOf } = classesOf(labels);
  expect(names).toEqual(expected);
  expect([...classOf].map((k) => names[k])).toEqual(labels.map(String));
});

test('a given order is kept', () => {
  expect(classesOf(['fake', 'real'], ['real', 'fake'])).toEqual({
    names: ['real', 'fake'],
    classOf: Int32Array.of(1, 0),
  });
});

test.for<[string, unknown[], string[] | undefined, RegExp]>([
  [
    'one class',
    ['a', 'a'],
    undefined,
    /"labels" expected at least two classes, got "a" for every sample; add samples of another/,
  ],
  ['no label', [], undefined, /expected at least two classes, got none/],
  [
    'an unknown label',
    ['a', 'b', 'c'],
    ['a', 'b'],
    /"labels" expected one of "a", "b", got "c" at 2; add it to the classes or correct the label/,
  ],
  [
    'an unknown one of many',
    ['z'],
    ['a', 'b', 'c', 'd', 'e', 'f'],
    /one of 6 classes \("a", "b", "c", "d", "e", …\), got "z" at 0/,
  ],
  ['a class without samples', ['a', 'b'], ['a', 'b', 'c'], /"classes" expected samples of each, "c" has none/],
  ['a class twice', ['a', 'b'], ['a', 'b', 'a'], /expected different names, got "a" twice/],
  ['an empty label', ['a', ''], undefined, /expected names or numbers, got an empty name at 1/],
  ['no name or number', ['a', null], undefined, /expected names or numbers, got null at 1/],
  ['NaN', [1, NaN], undefined, /expected names or numbers, got NaN at 1/],
])('%s is an error', ([, labels, order, message]) => {
  expect(() => classesOf(labels as string[], order)).toThrow(message);
});
