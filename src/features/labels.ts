// Label files: one label per row of the features, or one per path.

import { ArgumentError } from './argument-error.ts';
import { linesOf, readTextFile } from './text-file.ts';

/** A label per row in the features' order, or one per path. */
export type LabelFile = { list: string[] } | { byPath: Map<string, string> };

/**
 * Reads .csv and .tsv (path, label; a first line "path,label" is a heading, whose columns may come in any order among
 * others), .json (a list, or an object of paths), and anything else as one label per line.
 * @throws ArgumentError if the file cannot be read, or is not in one of these formats
 */
export async function readLabelFile(file: string): Promise<LabelFile> {
  const text = await readTextFile(file, 'labels', 'name a file with one label per row');
  if (/\.json$/i.test(file)) return fromJson(text, file);
  if (/\.[ct]sv$/i.test(file)) return { byPath: fromTable(text, /\.tsv$/i.test(file) ? '\t' : ',', file) };
  return { list: linesOf(text).map((line) => line.trim()) };
}

function fromJson(text: string, file: string): LabelFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    /* reported below */
  }
  const isLabel = (label: unknown): label is string | number => typeof label === 'string' || typeof label === 'number';
  if (Array.isArray(value) && value.every(isLabel)) return { list: value.map(String) };
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isLabel))
    return { byPath: new Map(Object.entries(value).map(([path, label]) => [path, String(label)])) };
  throw new ArgumentError(
    'labels',
    `expected a JSON list of labels, or an object {"path": "label"}, in ${file}; one label per line ` +
      'in a .txt file will do too',
  );
}

function fromTable(text: string, separator: string, file: string): Map<string, string> {
  const rows = parseRows(text, separator, file).filter((row) => row.length > 1 || row[0] !== '');
  const heading = rows[0]?.map((name) => name.trim().toLowerCase()) ?? [];
  let path = heading.indexOf('path'),
    label = heading.indexOf('label');
  if (path >= 0 && label >= 0) rows.shift();
  else [path, label] = [0, 1];
  const labels = new Map<string, string>();
  rows.forEach((row, i) => {
    if (row.length <= Math.max(path, label) || (heading[path] !== 'path' && row.length > 2))
      throw new ArgumentError(
        'labels',
        `expected two columns, path and label, in ${file}, got ${row.length} in row ${i + 1}; name ` +
          `the columns in a first line "path${separator}label" if there are more`,
      );
    const before = labels.get(row[path]);
    if (before !== undefined && before !== row[label].trim())
      throw new ArgumentError(
        'labels',
        `has two labels for "${row[path]}" in ${file}, "${before}" and "${row[label].trim()}"; leave one out`,
      );
    labels.set(row[path], row[label].trim());
  });
  if (labels.size === 0) throw new ArgumentError('labels', `expected rows of path and label in ${file}, got none`);
  return labels;
}

/**
 * Comma-separated values as RFC 4180 has them: a field in quotation marks may hold separators, line ends and doubled
 * quotation marks.
 */
function parseRows(text: string, separator: string, file: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [],
    at = 0;
  while (at < text.length) {
    let field = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        const end = text.indexOf('"', at);
        if (end < 0)
          throw new ArgumentError(
            'labels',
            `expected every quotation mark closed in ${file}, one in row ${rows.length + 1} is not; close it`,
          );
        field += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
      }
    }
    for (; at < text.length && text[at] !== separator && text[at] !== '\n' && !text.startsWith('\r\n', at); at++)
      field += text[at];
    row.push(field);
    if (text[at] === separator && at + 1 < text.length) {
      at++;
      continue;
    }
    if (text[at] === separator) row.push('');
    at += text[at] === '\r' ? 2 : 1;
    rows.push(row);
    row = [];
  }
  return rows;
}
