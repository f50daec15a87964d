// Reading a configuration to its end: every field is followed, known to be without effect on results, or refused by its
// name. What is not in a table is refused too, since it might change what a model computes.

/**
 * What may stand in a field: `followed` or without effect (anything), or one of some values. null and undefined are a
 * field's default everywhere.
 */
export type Allowed = 'any' | readonly unknown[];
export type Fields = Readonly<Record<string, Allowed>>;

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60);

/**
 * The sentence about the first field that is neither in the table nor as the table allows it; null if all are.
 * @param where the file, and the path of the object in it
 */
export function oddField(
  object: Readonly<Record<string, unknown>>,
  fields: Fields,
  where: [file: string, path: string],
): string | null {
  const [file, path] = where;
  for (const [field, value] of Object.entries(object)) {
    const name = path === '' ? field : `${path}.${field}`;
    if (!Object.hasOwn(fields, field))
      return (
        `"${file}" has the field "${name.slice(0, 100)}" (${shown(value)}), which is not known here and might change ` +
        'what the model computes; take the field out if it does not'
      );
    const allowed = fields[field];
    if (allowed === 'any' || value === null || value === undefined) continue;
    if (!allowed.some((one) => shown(one) === shown(value)))
      return (
        `"${file}" has ${shown(value)} in the field "${name}", expected ` +
        `${allowed.length === 0 ? 'nothing' : allowed.map(shown).join(' or ')}; such a model cannot be computed here`
      );
  }
  return null;
}

/** All of them with one rule. */
export const each = (names: string, allowed: Allowed): Fields =>
  Object.fromEntries(names.split(/\s+/).map((name) => [name, allowed]));
