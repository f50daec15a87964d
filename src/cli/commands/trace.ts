// clip-oracle trace: every module's output into a dump, or its hashes to standard output.

import { MODELS } from '../../clip/models.ts';
import type { Loaded, Source } from '../../features/pipeline.ts';
import type { DumpWriter } from '../../formats/dump/dump.ts';
import type { Tensor } from '../../ops/tensor.ts';
import type { TraceHashes } from '../../oracle/hash.ts';
import { defineCommand, file, flag, hiding, text, type OptionsOf } from '../command.ts';
import { CommandError, messageOf, OK, SOME_FAILED } from '../errors.ts';
import { activationOption, commonOptions, imageOptions, images, pixelOptions } from '../options.ts';
import { bytes as bytesText } from '../terminal/numbers.ts';

const options = {
  ...hiding(imageOptions, ['normalize', 'batch']),
  ...activationOption,
  layers: text(
    '--layers <glob>',
    'only these: * is a part of one component, ** anything, commas between several; such as ' +
      '"visual.layer1.**" or "**.attn,visual" (default: all)',
  ),
  hash: flag('--hash', 'print the hashes to standard output', false),
  out: file('-o, --out <path>', 'where it goes: FILE.safetensors, FILE.npz, or a folder for .npy files'),
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const trace = defineCommand({
  name: 'trace',
  summary: "write every layer's output to a file, or its hash",
  description:
    'Writes the output of every module under its PyTorch name (visual.layer1.0.conv1, …, visual for the ' +
    'features) and the input as image.\n' +
    'Several images make one batch. The metadata says which model, weights (with their SHA-256), pipeline, ' +
    'precision and numerics contract it was.\n' +
    '--hash prints "HEX  NAME" lines in the network\'s order and "HEX  all" at the end. HEX is the SHA-256 ' +
    "of a tensor's elements, row-major, little endian,\n" +
    'every NaN as 7fc00000 (float64: 7ff8000000000000); that of all is over the lines "HEX  NAME\\n", ' +
    "sorted by the names' bytes.",
  arguments: [images],
  options,
  examples: [
    ['clip-oracle trace photo.jpg --out trace.safetensors', 'all layers of the small model'],
    [
      'clip-oracle trace photo.jpg --model RN50 --weights synthetic:0 --hash',
      'the conformance artefact: no download, the same on every machine',
    ],
    [
      'clip-oracle trace --input dump.safetensors --model ViT-B/32 --layers "**.attn" --out attention.npz',
      'some layers, on the input of another dump',
    ],
    [
      'clip-oracle trace photo.jpg --model RN50 --precision float64 --out truth',
      'the truth, as a folder of .npy files',
    ],
  ],
  run: ([paths], options) => traceImages(paths, options),
});

async function traceImages(images: string[], options: Options): Promise<number> {
  const { layers, out, hash, quiet } = options;
  if (out === undefined && !hash)
    throw new CommandError(
      'expected --out or --hash, got neither; say where the dump goes: --out trace.safetensors, .npz or a folder',
    );
  if (options.normalize)
    throw new CommandError('expected no --normalize: a trace holds what the modules give; leave it out');
  const { standardOutput } = await import('../../formats/atomic-file.ts');
  const { dumpFormat, writeDump } = await import('../../formats/dump/write.ts');
  const { moduleFilter } = await import('../../oracle/glob.ts');
  const { isFailure, openSource, reportPassedOver } = await import('../run-images.ts');
  const { withModel } = await import('../with-model.ts');
  const { using } = await import('../with-output.ts');
  checkOut(out, dumpFormat);
  if (layers !== undefined) moduleFilter(layers);
  const source = await openSource(images, options);
  const hashes = hash ? new (await import('../../oracle/hash.ts')).TraceHashes() : null;
  // The file before the model: a wrong name should not cost the reading of a gigabyte.
  const writer = out === undefined ? null : await writeDump(out, { names: await namesOf(options) });
  let metadata: Record<string, string> = {};
  const dump = writer && { finish: () => writer.finish(metadata), discard: () => writer.discard() };
  const written = await using(dump, () =>
    withModel(options, async (loaded) => {
      const { x, paths } = await pixelsOf(source, options, loaded);
      const count = await traceTo(loaded, x, options, writer, hashes);
      metadata = await describe(loaded, options, paths);
      return count;
    }),
  );
  if (hashes !== null)
    await standardOutput.write(
      `${[...hashes.tensors].map(([name, hex]) => `${hex}  ${name}\n`).join('')}${hashes.all()}  all\n`,
    );
  if (writer !== null && !quiet)
    process.stderr.write(`clip-oracle: ${written.count} tensors (${bytesText(written.bytes)}) in ${out}\n`);
  const passedOver = 'tensor' in source ? 0 : reportPassedOver(source.passedOver, options);
  return isFailure({ failed: 0, passedOver }, options) ? SOME_FAILED : OK;
}

function checkOut(out: string | undefined, dumpFormat: (path: string) => unknown): void {
  try {
    if (out !== undefined) dumpFormat(out);
  } catch (error) {
    throw new CommandError(messageOf(error).replace('writeDump: "path"', '--out'));
  }
}

async function traceTo(
  { model }: Loaded,
  x: Tensor,
  options: Options,
  writer: DumpWriter | null,
  hashes: TraceHashes | null,
): Promise<{ count: number; bytes: number }> {
  const { trace, tracedModules } = await import('../../oracle/trace.ts');
  const { valuesOf } = await import('../../formats/values.ts');
  const written = { count: 0, bytes: 0 };
  const take = (name: string, values: ReturnType<typeof valuesOf>): void => {
    writer?.add(name, values);
    hashes?.add(name, values);
    written.count++;
    written.bytes += values.data.byteLength;
  };
  const { withProgress } = await import('../run-images.ts');
  const { layers, precision, quiet } = options;
  const total = tracedModules(model, layers).length;
  await withProgress({ unit: 'modules', quiet }, async (onProgress) => {
    take('image', valuesOf(x));
    await trace(model, x, {
      layers,
      precision,
      onTensor(name, values) {
        take(name, values);
        onProgress({ done: written.count - 1, total });
      },
    });
  });
  return written;
}

/** All images as one batch. @throws CommandError if one cannot be read: a batch cannot have a gap */
async function pixelsOf(
  source: Source,
  options: Options,
  { preprocess }: Loaded,
): Promise<{ x: Tensor; paths: string[] }> {
  if ('tensor' in source) return { x: source.tensor.x, paths: [source.tensor.name] };
  const paths: string[] = [];
  const rows: Tensor[] = [];
  for await (const { path, error } of source.paths) {
    if (error !== undefined) throw new CommandError(`${path}: ${error}`, SOME_FAILED);
    try {
      rows.push(await preprocess(path, pixelOptions(options)));
    } catch (reason) {
      throw new CommandError(messageOf(reason), SOME_FAILED);
    }
    paths.push(path);
  }
  if (rows.length === 0) throw new CommandError('the list on standard input is empty; nothing was done');
  const { concat } = await import('../../ops/concat.ts');
  return { x: rows.length === 1 ? rows[0] : concat(rows, 0), paths };
}

/** What the dump says about itself. */
async function describe({ model }: Loaded, options: Options, paths: string[]): Promise<Record<string, string>> {
  const { weightsFingerprint } = await import('../../oracle/fingerprint.ts');
  const { CONTRACT, packageVersion } = await import('../../oracle/version.ts');
  return {
    model: model.name,
    weights: model.weights,
    weights_sha256: await weightsFingerprint(options.model, options.weights),
    pipeline: options.input === undefined ? (options.pipeline ?? model.preprocessing!.pipeline) : '',
    precision: options.precision,
    layers: options.layers ?? '**',
    images: JSON.stringify(paths),
    contract: CONTRACT,
    made_by: `clip-oracle ${packageVersion()}`,
  };
}

/** The names that will be written, where the model is known before it is loaded. */
async function namesOf(options: Options): Promise<string[]> {
  const { tracedModules } = await import('../../oracle/trace.ts');
  const entry = MODELS.find((model) => model.name === options.model);
  return entry === undefined
    ? []
    : ['image', ...tracedModules({ name: entry.name, architecture: entry }, options.layers)];
}
