// The classes of a set of labels, in order.

export interface Classes {
  /** In the order of the head's outputs. With two, a single output is the logit of the second. */
  readonly names: readonly string[];
  /** The class of each sample. */
  readonly classOf: Int32Array;
}

/**
 * @param labels one per sample; 3 and "3" are the same
 * @param order the classes in their order; default: the labels that occur, whole numbers by value, else by their code
 *   points
 * @throws RangeError for a label that is not in `order`, or fewer than two classes
 */
export function classesOf(labels: readonly (string | number)[], order?: readonly string[]): Classes {
  const texts = labels.map((label, i) => {
    if (typeof label === 'string' ? label !== '' : Number.isFinite(label)) return String(label);
    throw new TypeError(
      `trainHead: "labels" expected names or numbers, got ${label === '' ? 'an empty name' : String(label)} at ` +
        `${i}; give each sample its class`,
    );
  });
  const names = order === undefined ? sorted(new Set(texts)) : [...order];
  const index = new Map(names.map((name, k) => [name, k]));
  if (index.size !== names.length)
    throw new RangeError(
      `trainHead: "classes" expected different names, got "${names.find((name, k) => index.get(name) !== k)}" ` +
        'twice; name each once',
    );
  const classOf = Int32Array.from(texts, (text, i) => {
    const k = index.get(text);
    if (k === undefined)
      throw new RangeError(
        `trainHead: "labels" expected ${listed(names)}, got "${text.slice(0, 60)}" at ${i}; add it to the ` +
          'classes or correct the label',
      );
    return k;
  });
  const missing = names.find((_, k) => !classOf.includes(k));
  if (names.length < 2)
    throw new RangeError(
      'trainHead: "labels" expected at least two classes, got ' +
        `${names.length === 0 ? 'none' : `"${names[0]}" for every sample`}; add samples of another class`,
    );
  if (missing !== undefined)
    throw new RangeError(
      `trainHead: "classes" expected samples of each, "${missing}" has none; add some or leave it out`,
    );
  return { names, classOf };
}

function sorted(texts: ReadonlySet<string>): string[] {
  const list = [...texts];
  if (list.every((text) => /^-?\d{1,15}$/.test(text)))
    return list.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
  return list.sort(byCodePoints);
}

/** As Python and NumPy sort, where JavaScript's own order goes by UTF-16 units. */
function byCodePoints(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0)!),
    right = Array.from(b, (character) => character.codePointAt(0)!);
  const i = left.findIndex((code, at) => code !== right[at]);
  return i < 0 ? left.length - right.length : left[i] - (right[i] ?? -1);
}

function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, 5)
    .map((name) => `"${name.slice(0, 30)}"`)
    .join(', ');
  return names.length > 5 ? `one of ${names.length} classes (${shown}, …)` : `one of ${shown}`;
}
