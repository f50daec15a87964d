// The sentences at the top of the report: the outcome in short.

import type { LayerResult, VerifyResult } from '../types.ts';
import { exponential, percent, plural, short } from './numbers.ts';

export interface Summary {
  readonly headline: string;
  readonly sentences: readonly string[];
}

export function summarise(result: VerifyResult): Summary {
  const { layers, claim } = result;
  const count = (verdict: LayerResult['verdict']): number => layers.filter((layer) => layer.verdict === verdict).length;
  const wrong = layers.findIndex((layer) => layer.name === result.firstWrong);
  const sentences: string[] = [];
  if (layers.length === 0)
    sentences.push("No layer was compared: the dump has no tensor with the name of one of the model's modules.");
  else if (wrong < 0) sentences.push(...passed(result, count('plausible')));
  else {
    const layer = layers[wrong];
    sentences.push(`The first wrong layer is ${layer.name}, ${place(wrong, layers.length)}: ${howWrong(layer)}.`);
    sentences.push(
      `Of ${plural(layers.length, 'layer')} compared, ${count('pass')} pass, ${count('plausible')} are ` +
        `plausible, ${count('wrong')} ${count('wrong') === 1 ? 'is' : 'are'} wrong. ` +
        (result.teacherForced
          ? "Each layer was fed the backend's own inputs, so each verdict is that layer's own."
          : 'What follows a wrong layer inherits its error.'),
    );
    if (result.causes.length === 0) sentences.push('None of the known faults gives these numbers.');
  }
  if (result.missing.length > 0 && layers.length > 0) {
    sentences.push(
      `${plural(result.missing.length, 'module')} of the model ${result.missing.length === 1 ? 'is' : 'are'} ` +
        `not in the dump and ${result.missing.length === 1 ? 'was' : 'were'} not compared.`,
    );
  }
  const headline =
    result.verdict === 'pass'
      ? `Pass: right for ${claim}`
      : wrong < 0
        ? 'Fail'
        : `Fail: wrong from ${layers[wrong].name} on`;
  return { headline, sentences };
}

function passed({ layers, claim, verdict }: VerifyResult, plausible: number): string[] {
  const worst = layers.reduce((a, b) => (b.rho > a.rho ? b : a));
  const all = layers.length === 1 ? 'The one layer compared is' : `All ${layers.length} layers compared are`;
  return [
    `${all} ${claim === 'float32' ? '' : 'at least '}as close to the exact result as ${claim} arithmetic ` +
      `gets${plausible === 0 ? '' : `, ${plausible} of them only plausibly so`}.`,
    `The furthest off is ${worst.name}, ${short(worst.rho)} times as far as this project's own float32 ` +
      `(${exponential(worst.relRms)} relative; ${percent(worst.equalBits)} of its values are equal bit for bit).`,
    ...(verdict === 'fail' ? ["Yet the verdict is negative: something other than a layer's numbers was wrong."] : []),
  ];
}

function place(layer: number, layers: number): string {
  return layers === 1
    ? 'the one compared'
    : layer === 0
      ? `the very first of the ${layers} compared`
      : `number ${layer + 1} of the ${layers} compared`;
}

function howWrong(layer: LayerResult): string {
  if (layer.storedShape !== undefined)
    return `its shape is (${layer.storedShape.join(', ')}), where (${layer.shape.join(', ')}) is expected`;
  if (layer.nonFinite > 0)
    return (
      `${plural(layer.nonFinite, 'value')} of it ${layer.nonFinite === 1 ? 'is' : 'are'} NaN or infinite where ` +
      'the exact result is a number'
    );
  const where = layer.worst === null ? '' : `, worst in ${layer.worst.kind} ${layer.worst.index}`;
  if (layer.ownRho !== undefined && layer.rho <= layer.limits.plausible) {
    return (
      `its relative error of ${exponential(layer.relRms)} would do after all the layers before it, but fed with ` +
      `the backend's own inputs it is ${short(layer.ownRho)} times as far off as float32${where}`
    );
  }
  return (
    `its relative error of ${exponential(layer.relRms)} is ${short(layer.rho)} times what float32 costs there ` +
    `(up to ${short(layer.limits.pass)} passes, up to ${short(layer.limits.plausible)} is plausible)${where}`
  );
}
