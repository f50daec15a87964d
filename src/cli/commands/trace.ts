// clip-oracle trace: every module's output into a dump, or its hashes to standard output.

import type { Tensor } from '../../ops/tensor.ts';
import type { TraceHashes } from '../../oracle/hash.ts';
import type { DumpWriter } from '../../formats/dump/dump.ts';
import { CommandError, messageOf, OK, SOME_FAILED } from '../errors.ts';
import type { ImageOptions } from '../options.ts';
import { standardOutput } from '../../formats/atomic-file.ts';
import { bytes as bytesText, Progress } from '../terminal/progress.ts';
import { loadModel, openSource, type Loaded, type Source } from '../../features/pipeline.ts';

export interface TraceCommandOptions extends ImageOptions {
  layers?: string;
  hash?: boolean;
}

/** @returns the exit code */
export async function traceImages(images: string[], options: TraceCommandOptions): Promise<number> {
  if (options.out === undefined && !options.hash)
    throw new CommandError(
      'expected --out or --hash, got neither; say where the dump goes: --out trace.safetensors, .npz or a folder',
    );
  if (options.normalize)
    throw new CommandError('expected no --normalize: a trace holds what the modules give; leave it out');
  const { dumpFormat, writeDump } = await import('../../formats/dump/write.ts');
  const { moduleFilter } = await import('../../oracle/glob.ts');
  checkOut(options.out, dumpFormat);
  if (options.layers !== undefined) moduleFilter(options.layers);
  const source = await openSource(images, options);
  const hashes = options.hash ? new (await import('../../oracle/hash.ts')).TraceHashes() : null;
  // The file before the model: a wrong name should not cost the reading of a gigabyte.
  const writer = options.out === undefined ? null : await writeDump(options.out, { names: await namesOf(options) });
  try {
    const loaded = await loadModel(options);
    try {
      const { x, paths } = await pixelsOf(source, options, loaded);
      const written = await traceTo(loaded, x, options, writer, hashes);
      await writer?.finish(await describe(loaded, options, paths));
      if (hashes !== null)
        await standardOutput.write(
          `${[...hashes.tensors].map(([name, hash]) => `${hash}  ${name}\n`).join('')}${hashes.all()}  all\n`,
        );
      if (writer !== null && !options.quiet)
        process.stderr.write(`clip-oracle: ${written.count} tensors (${bytesText(written.bytes)}) in ${options.out}\n`);
      return OK;
    } finally {
      await loaded.model.close();
    }
  } catch (error) {
    await writer?.discard();
    throw error;
  }
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
  options: TraceCommandOptions,
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
  const progress = await Progress.create({
    unit: 'modules',
    total: tracedModules(model, options.layers).length,
    quiet: options.quiet,
  });
  try {
    take('image', valuesOf(x));
    await trace(model, x, {
      layers: options.layers,
      precision: options.precision,
      onTensor(name, values) {
        take(name, values);
        progress.update(written.count - 1);
      },
    });
  } finally {
    progress.stop();
  }
  return written;
}

/** All images as one batch. @throws CommandError if one cannot be read: a batch with a hole is none */
async function pixelsOf(
  source: Source,
  options: TraceCommandOptions,
  { preprocess }: Loaded,
): Promise<{ x: Tensor; paths: string[] }> {
  if ('tensor' in source) return { x: source.tensor.x, paths: [source.tensor.name] };
  const paths: string[] = [];
  const rows: Tensor[] = [];
  for await (const { path, error } of source.paths) {
    if (error !== undefined) throw new CommandError(`${path}: ${error}`, SOME_FAILED);
    try {
      rows.push(await preprocess(path, { pipeline: options.pipeline }));
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
async function describe(
  { model }: Loaded,
  options: TraceCommandOptions,
  paths: string[],
): Promise<Record<string, string>> {
  const { weightsFingerprint } = await import('../../oracle/fingerprint.ts');
  const { CONTRACT, packageVersion } = await import('../../oracle/version.ts');
  return {
    model: model.name,
    weights: model.weights,
    weights_sha256: await weightsFingerprint(options.model, options.weights),
    pipeline: options.input === undefined ? options.pipeline : '',
    precision: options.precision,
    layers: options.layers ?? '**',
    images: JSON.stringify(paths),
    contract: CONTRACT,
    made_by: `clip-oracle ${packageVersion()}`,
  };
}

/** The names that will be written, where the model is known before it is loaded. */
async function namesOf(options: TraceCommandOptions): Promise<string[]> {
  const { MODELS } = await import('../../clip/models.ts');
  const { tracedModules } = await import('../../oracle/trace.ts');
  const entry = MODELS.find((model) => model.name === options.model);
  return entry === undefined
    ? []
    : ['image', ...tracedModules({ name: entry.name, architecture: entry }, options.layers)];
}
