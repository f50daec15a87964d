// Readers of option values. A wrong value is reported by commander, which names the option.

import { existsSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { availableModels } from '../clip/models.ts';
import { DEFAULT_LIMITS, type Limits } from '../formats/limits.ts';
import { closest } from './suggest.ts';

/** One of a few words. */
export function oneOf(words: readonly string[]): (value: string) => string {
  return (value) => {
    if (words.includes(value)) return value;
    throw new InvalidArgumentError(`Expected ${list(words)}${didYouMean(value, words)}`);
  };
}

/** Some of a few words, separated by commas. */
export function listOf<W extends string>(words: readonly W[]): (value: string) => W[] {
  return (value) => [...new Set(value.split(',').map((word) => oneOf(words)(word.trim()) as W))];
}

/** A whole number of at least 1. */
export function positiveInteger(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return number;
}

/** `pixels=200000000`, added to the limits before it. */
export function limit(value: string, previous: Partial<Limits> | undefined): Partial<Limits> {
  const [name, number] = value.split('=');
  if (!Object.hasOwn(DEFAULT_LIMITS, name))
    throw new InvalidArgumentError(`Expected NAME=N, NAME ${list(Object.keys(DEFAULT_LIMITS))}.`);
  return { ...previous, [name]: positiveInteger(number ?? '') };
}

/** A seed of synthetic weights: 32 bits. */
export function seed(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > 0xffffffff)
    throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.');
  return number;
}

/** A number that `accept` accepts. @param expected what the error says was expected */
const numberThat =
  (accept: (number: number) => boolean, expected: string) =>
  (value: string): number => {
    const number = Number(value);
    if (value.trim() === '' || !accept(number)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return number;
  };

export const anyNumber = numberThat(Number.isFinite, 'a number');
export const probability = numberThat((number) => number >= 0 && number <= 1, 'a number from 0 to 1');
export const positive = numberThat((number) => number > 0 && number < Infinity, 'a positive number');
export const share = numberThat((number) => number >= 0 && number < 1, 'a share from 0 to below 1');

/** A model's name, or the path of a checkpoint. */
export function modelName(value: string): string {
  if (availableModels().includes(value) || existsSync(value)) return value;
  throw new InvalidArgumentError(unknownModel(value, availableModels()));
}

/** The error text for a name that no model has. */
export function unknownModel(value: string, names: readonly string[]): string {
  const meant = didYouMean(value, names);
  return meant === '.'
    ? `Expected ${list(names)}, or the path of a checkpoint.`
    : `There is no such model or file${meant}`;
}

function didYouMean(value: string, words: readonly string[]): string {
  const word = closest(value, words);
  return word === null ? '.' : `; did you mean ${word}?`;
}

const list = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
