// A validator for the part of JSON Schema (draft 2020-12) that this project's schemas use. An unknown keyword is an
// error: it would check nothing.

type Json = unknown;
type Schema = Readonly<Record<string, Json>>;

const KNOWN = new Set([
  '$schema',
  '$id',
  'title',
  'description',
  '$defs',
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'enum',
  'const',
  'minimum',
  'maximum',
  '$ref',
  'anyOf',
  'minItems',
  'maxItems',
]);

const typeOf = (value: Json): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

/** What does not fit, as "path: reason". */
export function violations(value: Json, schema: Schema, root: Schema = schema, path = '$'): string[] {
  const unknown = Object.keys(schema).find((keyword) => !KNOWN.has(keyword));
  if (unknown !== undefined) throw new Error(`${path}: the validator does not know the keyword ${unknown}`);
  if (typeof schema.$ref === 'string') {
    const target = schema.$ref
      .replace(/^#\//, '')
      .split('/')
      .reduce<Json>((at, key) => (at as Schema)[key], root);
    return violations(value, target as Schema, root, path);
  }
  const found: string[] = [];
  const types = schema.type === undefined ? null : ([schema.type].flat() as string[]);
  const type = typeOf(value);
  if (types !== null && !types.some((wanted) => wanted === type || (wanted === 'integer' && Number.isInteger(value))))
    return [`${path}: expected ${types.join(' or ')}, got ${type}`];
  if (schema.const !== undefined && value !== schema.const)
    found.push(`${path}: expected ${JSON.stringify(schema.const)}`);
  if (Array.isArray(schema.enum) && !schema.enum.includes(value))
    found.push(`${path}: expected one of ${schema.enum.join(', ')}`);
  if (typeof value === 'number' && typeof schema.minimum === 'number' && !(value >= schema.minimum))
    found.push(`${path}: expected at least ${schema.minimum}, got ${value}`);
  if (typeof value === 'number' && typeof schema.maximum === 'number' && !(value <= schema.maximum))
    found.push(`${path}: expected at most ${schema.maximum}, got ${value}`);
  if (
    Array.isArray(schema.anyOf) &&
    !(schema.anyOf as Schema[]).some((one) => violations(value, one, root, path).length === 0)
  )
    found.push(`${path}: fits none of anyOf`);
  if (Array.isArray(value)) {
    if (typeof schema.minItems === 'number' && value.length < schema.minItems)
      found.push(`${path}: expected at least ${schema.minItems} items`);
    if (typeof schema.maxItems === 'number' && value.length > schema.maxItems)
      found.push(`${path}: expected at most ${schema.maxItems} items`);
    if (schema.items !== undefined)
      value.forEach((item, i) => found.push(...violations(item, schema.items as Schema, root, `${path}[${i}]`)));
  } else if (type === 'object') {
    const members = value as Record<string, Json>;
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    for (const name of (schema.required ?? []) as string[])
      if (!Object.hasOwn(members, name)) found.push(`${path}: lacks ${name}`);
    for (const [name, member] of Object.entries(members)) {
      if (Object.hasOwn(properties, name)) found.push(...violations(member, properties[name], root, `${path}.${name}`));
      else if (schema.additionalProperties === false)
        found.push(`${path}: has ${name}, which the schema does not know`);
    }
  }
  return found;
}
