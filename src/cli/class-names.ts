// The names of a head's classes: from --labels, from the head's own file, or those of the bundled emoji head.

import { existsSync } from 'node:fs';
import { linesOf, readTextFile } from '../features/text-file.ts';
import { CommandError } from './errors.ts';

export interface Labels {
  names: readonly string[];
  /** A sign before each name, on terminals. */
  signs: readonly string[] | null;
}

/**
 * @param spec `a,b,…`, or a file: .json with a list of names (or of objects that have a `name`), else one name per line
 * @param option what the message calls it
 * @throws CommandError if the file cannot be read or holds no such list
 */
export async function readLabels(spec: string, option = '--labels'): Promise<Labels> {
  if (!existsSync(spec)) {
    if (/[/\\]|\.(?:txt|json)$/i.test(spec))
      throw new CommandError(`${option} expected a list a,b,… or a file, got "${spec}", which does not exist`);
    return { names: spec.split(',').map((name) => name.trim()), signs: null };
  }
  const text = await readTextFile(
    spec,
    option.slice(2),
    `name a readable file${option === '--labels' ? ' or give a,b,…' : ''}`,
  );
  return /\.json$/i.test(spec)
    ? fromJson(text, spec, option)
    : {
        names: linesOf(text)
          .map((line) => line.trim())
          .filter((line) => line !== ''),
        signs: null,
      };
}

/** The names of the emoji head's classes. */
export async function bundledLabels(): Promise<Labels> {
  const [{ bundledFile }, { readFile }, { gunzipSync }] = await Promise.all([
    import('../clip/weights/bundled.ts'),
    import('node:fs/promises'),
    import('node:zlib'),
  ]);
  const file = bundledFile('labels.json.gz');
  return fromJson(gunzipSync(await readFile(file)).toString('utf8'), file, '--labels');
}

function fromJson(text: string, file: string, option: string): Labels {
  const wrong = (): CommandError =>
    new CommandError(
      `${option} expected a JSON list of names, or of objects with a "name", in ${file}; one name per line in ` +
        'a .txt file will do too',
    );
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw wrong();
  }
  if (!Array.isArray(list)) throw wrong();
  const entries = list.map((entry: unknown): { name?: unknown; emoji?: unknown } =>
    typeof entry === 'string' ? { name: entry } : ((entry ?? {}) as object),
  );
  if (!entries.every((entry) => typeof entry.name === 'string')) throw wrong();
  const signs = entries.every((entry) => typeof entry.emoji === 'string')
    ? entries.map((entry) => entry.emoji as string)
    : null;
  return { names: entries.map((entry) => entry.name as string), signs };
}

/** @throws CommandError if there are not as many names as the head needs */
export function checkLabels(labels: Labels, classes: number, head: string): void {
  const needed = classes === 1 ? 2 : classes;
  if (labels.names.length === needed) return;
  throw new CommandError(
    `--labels expected ${needed} names for ` +
      `${head}${classes === 1 ? ', whose one output decides between two' : ''}, got ${labels.names.length}; give ` +
      'one per class',
  );
}
