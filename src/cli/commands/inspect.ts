// clip-oracle inspect: what a weight file holds. Nothing in the file is executed.

import type { Inspection } from '../../clip/inspect.ts';
import { printable } from '../../formats/error-text.ts';
import { argument, defineCommand, flag } from '../command.ts';
import { OK, SOME_FAILED } from '../errors.ts';
import { limitOption, noColor } from '../options.ts';
import { bytes } from '../terminal/numbers.ts';
import { styleFor } from '../terminal/style.ts';

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'say what is in a weight file',
  description:
    'Says what a file holds: format, key layout, architecture, tensors, and whether a value is NaN or ' +
    'infinite. Nothing in it is executed.',
  arguments: [
    argument(
      '<file>',
      'a checkpoint, a head, a dump: .pt, .pth, .bin, .safetensors, an index of shards or a folder of them',
    ),
  ],
  options: {
    json: flag('--json', 'as JSON', false),
    headersOnly: flag('--headers-only', 'do not read the values', false),
    limit: limitOption,
    ...noColor,
  },
  examples: [
    ['clip-oracle inspect ~/.cache/clip/RN50.pt', 'which model is it?'],
    ['clip-oracle inspect model.safetensors --json', 'for programs'],
  ],
  /** 1 for a model or head that cannot be used as it is. */
  async run([path], { json, headersOnly }) {
    const { inspectFile } = await import('../../clip/inspect.ts');
    const { describePreprocessing } = await import('../../clip/image/preprocessing.ts');
    const { standardOutput } = await import('../../formats/atomic-file.ts');
    const report = await inspectFile(path, { values: !headersOnly });
    await standardOutput.write(json ? `${JSON.stringify(report, null, 1)}\n` : view(report, describePreprocessing));
    return report.kind !== 'tensors' && report.problems.length > 0 ? SOME_FAILED : OK;
  },
});

/** A longer name would make every line of the list as long. */
const MAX_NAME = 160;

function view(report: Inspection, pixelsOf: (rules: NonNullable<Inspection['preprocessing']>) => string): string {
  const style = styleFor(process.stdout);
  const lines: string[] = [style('bold', report.path)];
  const say = (title: string, text: string): void => {
    lines.push(`  ${style('cyan', title.padEnd(11))} ${printable(text)}`);
  };
  say('format', `${report.format}${report.fileBytes === null ? '' : `, ${bytes(report.fileBytes)}`}`);
  if (report.layout !== null) say('layout', report.layout);
  if (report.architecture !== null) describe(report, say);
  if (report.preprocessing !== null) say('pixels', pixelsOf(report.preprocessing));
  if (report.head !== null) {
    const { classes, width, fits } = report.head;
    say(
      'head',
      `${classes} ${classes === 1 ? 'output' : 'outputs'} on features of width ` +
        `${width}${fits.length > 0 ? `: ${fits.join(', ')}` : ''}`,
    );
  }
  for (const [key, value] of Object.entries(report.metadata))
    say('metadata', `${key} = ${value.length > 100 ? `${value.slice(0, 100)}…` : value}`);
  if (report.outside.length > 0)
    say(
      'besides',
      `${report.outside.length} entries that are no part of it: ` +
        `${report.outside.slice(0, 3).join(', ')}${report.outside.length > 3 ? ', …' : ''}`,
    );
  for (const problem of report.problems)
    lines.push(
      '  ' +
        `${style(report.kind === 'tensors' ? 'yellow' : 'red', (report.kind === 'tensors' ? 'no model' : 'problem').padEnd(11))} ` +
        `${printable(problem)}`,
    );
  const types = new Map<string, number>();
  for (const { dtype } of report.tensors) types.set(dtype, (types.get(dtype) ?? 0) + 1);
  say(
    'tensors',
    `${report.tensors.length} (${[...types].map(([dtype, count]) => `${count} ${dtype}`).join(', ')}), ` +
      `${millions(report.elements)} elements, ${bytes(report.bytes)}`,
  );
  const shown = report.tensors.map(({ name, dtype, shape }) => ({
    name: printable(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name),
    dtype,
    shape,
  }));
  const longest = shown.reduce((most, { name }) => Math.max(most, name.length), 0);
  for (const { name, dtype, shape } of shown)
    lines.push(`    ${name.padEnd(longest)}  ${dtype.padEnd(4)}  ${style('dim', `(${shape.join(', ')})`)}`);
  return `${lines.join('\n')}\n`;
}

function describe(
  { architecture, model, parameters, refusedText }: Inspection,
  say: (title: string, text: string) => void,
): void {
  const { vision, text, embed } = architecture!;
  say('model', model ?? 'none of those that have a name');
  say(
    'image tower',
    vision === null
      ? 'none'
      : `${vision.kind}, ${vision.resolution} x ${vision.resolution} pixels, ` +
          `${vision.kind === 'VisionTransformer' ? `patch ${vision.patch}, width ${vision.width}, ${vision.layers} layers` : `width ${vision.width}, layers ${vision.layers.join('+')}`}, ` +
          `feature ${embed}`,
  );
  say(
    'text tower',
    text === null
      ? (refusedText ?? 'none')
      : `width ${text.width}, ${text.layers} layers, context ${text.context}, vocabulary ${text.vocabulary}`,
  );
  say(
    'parameters',
    `image ${millions(parameters!.vision)}${text === null ? '' : `, text ${millions(parameters!.text)}`}`,
  );
}

const millions = (count: number): string => (count < 1e5 ? String(count) : `${(count / 1e6).toFixed(2)} M`);
