// Messages of errors as one printable line.

/** Control characters of both sets: names in files may contain them, and terminals obey them. */
// eslint-disable-next-line no-control-regex -- these are what is replaced
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g;

/** Text out of a file for a terminal: control characters are written as \xNN. */
export const printable = (text: string): string =>
  text.replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The message of anything that was thrown, on one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return printable(text.replace(/\s*[\r\n]+\s*/g, ' ').trim());
}
