// Near duplicates in feature files, with the names of their rows.

import { nearDuplicates } from '../features/duplicates.ts';
import { openFeatures } from '../features/read.ts';
import type { FloatArray } from '../ops/tensor.ts';
import { CommandError } from './errors.ts';

/** A row of one of the files. */
export interface Row {
  path: string | null;
  file: string;
  row: number;
}

/**
 * All pairs of rows, of one file or of two, whose cosine is at least `threshold`. All rows are held in memory.
 * @param list the paths of all rows; null: what the files say
 * @throws CommandError for files of different widths or models, or a list of another length
 */
export async function* pairsIn(
  files: readonly string[],
  list: readonly string[] | null,
  threshold: number,
): AsyncGenerator<{ cosine: number; a: Row; b: Row }> {
  const rows: Row[] = [];
  const pieces: FloatArray[] = [];
  let first: { file: string; width: number; model?: string } | undefined;
  for (const file of files) {
    const collection = await openFeatures(file);
    const width = collection.width!;
    first ??= { file, width, model: collection.model };
    if (width !== first.width || (collection.model ?? first.model) !== (first.model ?? collection.model))
      throw new CommandError(
        `${file} holds features of ${collection.model ?? 'an unknown model'} of width ${width}, ${first.file} of ` +
          `${first.model ?? 'an unknown model'} of width ${first.width}; compare features of one model`,
      );
    const before = rows.length;
    for await (const piece of collection.rows()) {
      pieces.push(piece);
      for (let i = 0; i < piece.length / width; i++) rows.push({ path: null, file, row: rows.length - before });
    }
    for (const [i, path] of collection.paths.entries()) if (rows[before + i]) rows[before + i].path = path;
  }
  if (list !== null && list.length !== rows.length)
    throw new CommandError(`--paths expected ${rows.length} paths, one per row of the features, got ${list.length}`);
  if (list !== null) for (const [i, row] of rows.entries()) row.path = list[i];
  for (const { a, b, cosine } of nearDuplicates(joined(pieces), first!.width, threshold))
    yield { cosine, a: rows[a], b: rows[b] };
}

/** One array, in float64 if one of them is. */
function joined(pieces: readonly FloatArray[]): FloatArray {
  if (pieces.length === 1) return pieces[0];
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const all = pieces.some((piece) => piece instanceof Float64Array)
    ? new Float64Array(length)
    : new Float32Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
