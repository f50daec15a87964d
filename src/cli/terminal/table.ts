// Tables without frames, columns two spaces apart.

import type { Table } from 'cli-table3';

const SIDES = ['top', 'bottom', 'left', 'mid', 'right'];

/** @param align of each column */
export async function plainTable(align: ('left' | 'right')[]): Promise<Table> {
  const { default: CliTable } = await import('cli-table3');
  const none = SIDES.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [
    name,
    '',
  ]);
  return new CliTable({
    chars: { ...Object.fromEntries(none), middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: align,
  });
}

/** Its text, without spaces at the ends of lines. */
export const linesOf = (table: Table): string =>
  table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
