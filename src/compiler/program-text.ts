// Steps as text for other threads: UTF-8 JSON, with words for the numbers that JSON lacks.

const LACKING = ['Infinity', '-Infinity', 'NaN', '-0'];

const nameOf = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

export function encodeProgram(steps: readonly object[]): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify(steps, (_, value: unknown) =>
      typeof value === 'number' && LACKING.includes(nameOf(value)) ? { number: nameOf(value) } : value,
    ),
  );
}

export function decodeProgram<S>(bytes: Uint8Array): S[] {
  return JSON.parse(new TextDecoder().decode(bytes), (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'number' in value ? Number(value.number) : value,
  ) as S[];
}
