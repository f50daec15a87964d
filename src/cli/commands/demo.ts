// clip-oracle demo: classifies a picture, then compares every layer of a network with PyTorch's numbers.

import { readFile } from 'node:fs/promises';
import type { CLIP } from '../../clip/clip.ts';
import type { load } from '../../clip/load.ts';
import { defineCommand } from '../command.ts';
import { OK, SOME_FAILED } from '../errors.ts';
import { commonOptions } from '../options.ts';
import { hasTrueColor, styleFor, type Style } from '../terminal/style.ts';

export const demo = defineCommand({
  name: 'demo',
  summary: 'see it work: no network, no files needed',
  description:
    'Two demonstrations. A picture goes through preprocessing, mini-vit and its head to named classes. Then ' +
    'the full-size RN50, with synthetic weights,\n' +
    "on a real photograph: its 1024 numbers beside PyTorch's, how far apart they are, and how long each " +
    'stage took.',
  arguments: [],
  options: commonOptions,
  examples: [['clip-oracle demo', 'two seconds']],
  /** 1 if the numbers are not PyTorch's. */
  run: (_values, { quiet }) => show(quiet),
});

/** A float32 network is as good as it gets up to here (docs/numerics.md, "What a tolerance may be"). */
const RHO_LIMIT = 4;

const style: Style = styleFor(process.stdout);
const write = async (text: string): Promise<void> =>
  (await import('../../formats/atomic-file.ts')).standardOutput.write(text);
const print = (line = ''): Promise<void> => write(`${line}\n`);

async function show(quiet: boolean | undefined): Promise<number> {
  const { load } = await import('../../clip/load.ts');
  const models: CLIP[] = [];
  const open: Open = async (...what) => {
    const { model } = await load(...what);
    models.push(model);
    return model;
  };
  try {
    await pictureToName(open);
    await print();
    return await besidePyTorch(open, quiet === true);
  } finally {
    // At the end, so that the second model computes with the threads that the first one started.
    for (const model of models) await model.close();
  }
}

/** Loads a model that is closed at the end. */
type Open = (...what: Parameters<typeof load>) => Promise<CLIP>;

/** Milliseconds of each stage, in order. */
class Stages {
  readonly #stages: [string, number][] = [];

  async run<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.#stages.push([name, performance.now() - began]);
    return result;
  }

  milliseconds(name: string): number {
    return this.#stages.find(([stage]) => stage === name)![1];
  }

  toString(): string {
    return this.#stages.map(([name, time]) => `${name} ${milliseconds(time)}`).join(', ');
  }
}

const milliseconds = (time: number): string =>
  time < 1000 ? `${time.toFixed(time < 10 ? 1 : 0)} ms` : `${(time / 1000).toFixed(2)} s`;

async function pictureToName(open: Open): Promise<void> {
  const { loadHead } = await import('../../clip/head.ts');
  const { linear } = await import('../../ops/linear.ts');
  const { readImage } = await import('../../clip/image/preprocess.ts');
  const { cropPixels } = await import('../../clip/image/pipelines.ts');
  const { normalize } = await import('../../clip/image/normalize.ts');
  const { bundledFile } = await import('../../clip/weights/bundled.ts');
  const { bundledLabels } = await import('../class-names.ts');
  const { scores } = await import('../scores.ts');
  const { halfBlocks } = await import('../terminal/image.ts');
  const { verdictTable } = await import('../verdict.ts');
  await print(style('bold', '1. A picture gets its name'));
  const stages = new Stages();
  const model = await stages.run('weights', () => open('mini-vit'));
  const head = await stages.run('head', () => loadHead(bundledFile('emoji-head.pth')));
  const labels = await bundledLabels();
  const picture = await stages.run('decode', async () => readImage(await readFile(bundledFile('octopus.jpg'))));
  const R = model.architecture.vision!.resolution;
  const x = await stages.run('preprocess', () => normalize(cropPixels(picture, R), R));
  const logits = await stages.run('forward', async () => linear(await model.encodeImage(x), head.weight, head.bias));
  if (hasTrueColor(process.stdout)) {
    const side = 36;
    for (const line of halfBlocks({ data: cropPixels(picture, side), width: side, height: side }))
      await print(`   ${line}`);
  }
  await print(
    `   octopus.jpg, ${picture.width} x ${picture.height} pixels, through mini-vit (${R} x ${R}) and its head ` +
      `of ${labels.names.length} emoji:`,
  );
  await print();
  const show = await verdictTable(labels, process.stdout);
  const table = show({
    path: '',
    label: '',
    withLogits: false,
    logits: logits.data,
    top: scores(logits.data, labels, 5),
  });
  await write(
    table
      .split('\n')
      .slice(1, -2)
      .map((line) => ` ${line}\n`)
      .join(''),
  );
  await print();
  await print(
    '   ' +
      `${style('dim', 'mini-vit is small and knows emoji only, one in a picture; similar faces, left and right, and clock times are confused.')}`,
  );
  await print(`   ${style('dim', stages.toString())}`);
}

async function besidePyTorch(open: Open, quiet: boolean): Promise<number> {
  const { multiplyAdds } = await import('../../clip/sizes.ts');
  const { readImage } = await import('../../clip/image/preprocess.ts');
  const { cropPixels } = await import('../../clip/image/pipelines.ts');
  const { normalize } = await import('../../clip/image/normalize.ts');
  const { bundledFile } = await import('../../clip/weights/bundled.ts');
  const { readRawTensors } = await import('../../features/tensor-input.ts');
  const golden = await readRawTensors(bundledFile('demo-rn50.safetensors'));
  const [pytorch, truth] = [golden.get('f32')!.data, golden.get('f64')!.data];
  await print(style('bold', '2. The oracle: RN50, full size, beside PyTorch'));
  const stages = new Stages();
  const picture = await stages.run('decode', async () => readImage(await readFile(bundledFile('rocket.jpg'))));
  await print(
    `   rocket.jpg (NASA), ${picture.width} x ${picture.height} pixels; weights synthetic:0, the same in every ` +
      'language',
  );
  const model = await stages.run('weights', () => open('RN50', { weights: 'synthetic:0' }));
  await print(`   computed by ${describe(model)}`);
  const R = model.architecture.vision!.resolution;
  const x = await stages.run('preprocess', () => normalize(cropPixels(picture, R), R));
  const features = await stages.run('forward', () => forward(model, x, quiet));
  const ours = features.data;
  await print();
  await print(
    '   ' +
      `${style('bold', 'number'.padStart(6) + 'clip-oracle'.padStart(18) + 'PyTorch float32'.padStart(18) + 'float64, the truth'.padStart(24))}`,
  );
  for (const i of [0, 1, 2, 3, 4, ours.length - 1]) {
    if (i === ours.length - 1) await print(`   ${'…'.padStart(6)}`);
    await print(
      '   ' +
        `${String(i).padStart(6)}${ours[i].toPrecision(9).padStart(18)}${pytorch[i].toPrecision(9).padStart(18)}${truth[i].toPrecision(17).padStart(24)}`,
    );
  }
  const { measure } = await import('../../oracle/measures.ts');
  const [own, their, between] = [
    measure(ours, pytorch, truth),
    measure(pytorch, ours, truth),
    measure(ours, ours, pytorch),
  ];
  const { rho } = own;
  const good = rho <= RHO_LIMIT;
  await print();
  const row = (title: string, a: number, b: number): string =>
    `   ${title.padEnd(34)}${a.toExponential(2).padStart(12)}${b.toExponential(2).padStart(18)}`;
  await print(
    '   ' +
      `${style('bold', `all ${ours.length} numbers against the truth`.padEnd(34) + 'clip-oracle'.padStart(12) + 'PyTorch float32'.padStart(18))}`,
  );
  await print(row('largest difference', own.maxAbs, their.maxAbs));
  await print(row('relative root mean square', own.relRms, their.relRms));
  await print(`   largest difference between the two ${between.maxAbs.toExponential(2)}`);
  await print();
  const verdict = !good
    ? `noise ratio ${rho.toFixed(2)}: these are not PyTorch's numbers; the installation is broken`
    : `noise ratio ${rho.toFixed(2)}: clip-oracle is ` +
      `${rho < 1 ? `${(1 / rho).toFixed(1)} times closer to the truth than PyTorch` : 'as close to the truth as float32 gets'}`;
  await print(`   ${style(['bold', good ? 'green' : 'red'], verdict)}`);
  await print();
  const rate = (2 * multiplyAdds(model.architecture)) / stages.milliseconds('forward') / 1e6;
  await print(`   ${style('dim', `${stages.toString()} (${rate.toFixed(1)} GFLOP/s)`)}`);
  return good ? OK : SOME_FAILED;
}

/** The executor and its threads. */
function describe({ executor, threads }: CLIP): string {
  return `${executor === 'simd' ? 'SIMD' : 'plain loops'}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

/**
 * The forward pass. Plain loops take seconds: there, the name of each layer appears on standard error as it is done.
 */
async function forward(
  model: CLIP,
  x: Parameters<CLIP['encodeImage']>[0],
  quiet: boolean,
): ReturnType<CLIP['encodeImage']> {
  if (quiet || !process.stderr.isTTY || model.executor === 'simd') return model.encodeImage(x);
  const clear = '\r\u001b[K';
  try {
    return await model.encodeImage(x, {
      tap: (name) => {
        process.stderr.write(`${clear}   computing ${name} …`);
      },
    });
  } finally {
    process.stderr.write(clear);
  }
}
