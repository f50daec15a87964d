// Names in a dump are untrusted: nothing in them may become markup, script, or change how the text beside them
// reads.

const MARKUP = /[&<>"'`]/g;
/** Control characters, and those that turn the direction of writing around. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const code = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, '0');

/** Text for HTML or SVG, in elements and in quoted attributes. Characters that cannot be seen are written out. */
export function escapeHtml(text: string): string {
  return visible(text).replace(MARKUP, (character) => `&#${character.charCodeAt(0)};`);
}

/** The same text with characters that cannot be seen written as \uXXXX. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u${code(character)}`);
}

/** JSON that may stand inside a script element. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${code(character)}`);
}
