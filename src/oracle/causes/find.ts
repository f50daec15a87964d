// What a wrong layer looks like: faults are put into the oracle's own network, one after the other, and those that give
// the backend's numbers are named.

import type { Cause } from '../types.ts';
import { estimatedFaults } from './estimates.ts';
import type { Fault } from './fault.ts';
import { faultsOf } from './faults/index.ts';
import { otherLayerFaults } from './faults/weights.ts';
import { halfAccumulation } from './half-accumulation.ts';
import { hints } from './hints.ts';
import { Search, type CauseQuestion, type Match } from './search.ts';

/** A fault may be at only one of several places of a piece; up to this many are tried one by one. */
const PLACES = 12;
/** How many causes are named at most. */
const NAMED = 5;

/**
 * Recomputes the first wrong module from the backend's own, right, inputs with each fault that could be in it, in
 * float32 and float64, and names those with which the oracle is as near to the backend as two right backends are to one
 * another. Where the dump lacks what goes into the module, the piece reaches back to the last right one that it has.
 * @returns the likeliest first; where nothing fits, what can be said about the place of the error, with little
 *   confidence
 * @throws RangeError if the target is no module, or the dump has neither it nor an image
 */
export async function findCauses(question: CauseQuestion): Promise<Cause[]> {
  const search = await Search.open(question);
  const statistics = question.model.preprocessing!; // a search has an image tower
  try {
    if (search.rho <= search.limits.pass) return [inherited(search.target)];
    const usual = [
      ...faultsOf(statistics),
      ...otherImageFaults(question),
      ...otherLayerFaults(search.network, search.piece.weights),
    ];
    const matches = await attempts(search, usual, (tried) => question.onProgress?.(tried, usual.length));
    const misshapen = search.truth.length !== search.values.data.length;
    if (matches.length === 0 && !misshapen) {
      const estimated = await estimatedFaults(search, statistics);
      matches.push(
        ...(await attempts(search, estimated, (tried) =>
          question.onProgress?.(usual.length + tried, usual.length + estimated.length),
        )),
      );
    }
    const accumulated = misshapen ? null : await halfAccumulation(search);
    if (accumulated !== null) matches.push(accumulated);
    const causes = ranked(matches);
    return causes.length > 0 || misshapen ? causes : hints(search);
  } finally {
    await search.close();
  }
}

/** Another crop of the picture than the known one. */
const otherImageFaults = ({ otherImages = [] }: CauseQuestion): Fault[] =>
  otherImages.map(({ name, explanation, image }) => ({ name, explanation, image: () => image }));

async function attempts(search: Search, faults: readonly Fault[], onTried: (tried: number) => void): Promise<Match[]> {
  const matches: Match[] = [];
  for (const [i, fault] of faults.entries()) {
    if (search.exhausted) break;
    onTried(i + 1);
    const all = await search.attempt(fault);
    if (all === null) continue;
    if (all.confidence > 0) {
      matches.push(all);
      continue;
    }
    // Everywhere does not fit; at one place?
    for (const place of all.changed.length > 1 && all.changed.length <= PLACES ? all.changed : []) {
      const single = search.exhausted ? null : await search.attempt(fault, place);
      if (single !== null && single.confidence > 0) matches.push(single);
    }
  }
  return matches;
}

function ranked(matches: readonly Match[]): Cause[] {
  const best = [...matches].sort(
    (a, b) =>
      b.confidence - a.confidence ||
      Number(a.fault.partial ?? false) - Number(b.fault.partial ?? false) ||
      Math.max(a.rho, 1) - Math.max(b.rho, 1),
  );
  if (best.length === 0) return [];
  // What fits much worse than the best is not another explanation.
  const limit = 4 * Math.max(best[0].rho, 1);
  const causes = new Map<string, Cause>();
  for (const {
    fault: { name, explanation },
    confidence,
    rho,
  } of best) {
    if (!causes.has(name) && rho <= limit)
      causes.set(name, { name, confidence: Math.round(confidence * 1000) / 1000, explanation });
  }
  return [...causes.values()].slice(0, NAMED);
}

const inherited = (target: string): Cause => ({
  name: 'errors-from-before',
  confidence: 0.1,
  explanation:
    `${target} is right on the backend's own inputs: what is wrong here was lost little by little in the layers ` +
    'before; verify with --teacher-forced to see where most.',
});
