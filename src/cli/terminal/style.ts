// Colours, where the stream is a terminal and they are not turned off.

import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];
export type Style = (format: Format, text: string) => string;

/**
 * Whether a stream gets colours: NO_COLOR and --no-color forbid them, FORCE_COLOR demands them, else only terminals get
 * them.
 */
function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR || FORCE_COLOR === '0' || FORCE_COLOR === 'false') return false;
  if (FORCE_COLOR) return true;
  return stream.isTTY === true && stream.hasColors();
}

/** Whether it shows 16 million colours. */
export function hasTrueColor(stream: NodeJS.WriteStream): boolean {
  return hasColors(stream) && stream.isTTY === true && stream.hasColors(1 << 24);
}

/** styleText for this stream: leaves the text alone where there are no colours. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  // The stream is judged here: before Node 22 styleText always colours, and later ones judge standard output only.
  return hasColors(stream)
    ? (format, text) => styleText(format, text, { validateStream: false } as never)
    : (_format, text) => text;
}

/** The examples at the end of a command's help. */
export function examples(list: readonly (readonly [command: string, what: string])[]): string {
  const style = styleFor(process.stdout);
  return `\n${style('bold', 'Examples:')}\n${list.map(([command, what]) => `  ${style('cyan', command)}\n      ${what}`).join('\n')}`;
}
