// The parts of a network that the chart names under its axis: stages of a ResNet, blocks of a transformer.

export interface Stage {
  readonly label: string;
  /** Shorter, for where the label does not fit. */
  readonly short: string;
  readonly first: number;
  /** One after the last. */
  end: number;
}

/** Neighbouring layers of one stage, by their module paths. */
export function stagesOf(names: readonly string[]): Stage[] {
  const stages: Stage[] = [];
  names.forEach((name, layer) => {
    const { label, short } = stageOf(name);
    const last = stages.at(-1);
    if (last?.label === label) last.end = layer + 1;
    else stages.push({ label, short, first: layer, end: layer + 1 });
  });
  return stages;
}

function stageOf(name: string): { label: string; short: string } {
  const block = /(?:^|\.)resblocks\.(\d+)/.exec(name);
  if (block !== null) return { label: `block ${block[1]}`, short: block[1] };
  const stage = /^visual\.(layer\d+|attnpool)/.exec(name);
  if (stage !== null) return { label: stage[1], short: stage[1].replace('layer', 'l.').replace('attnpool', 'pool') };
  if (/^visual\.(conv\d|bn\d|relu\d|avgpool)$/.test(name)) return { label: 'stem', short: 'stem' };
  return { label: '', short: '' };
}
