// Windows-1252 between characters and bytes. The five bytes that it leaves open (81, 8d, 8f, 90, 9d) are the control
// characters of that number, as browsers have it.

/** What bytes 80 to 9f stand for; the others are Latin-1. */
const HIGH = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

const BYTE_OF: ReadonlyMap<string, number> = new Map(Array.from(HIGH, (character, i) => [character, 0x80 + i]));

/** The character of a byte. */
export const windows1252 = (byte: number): string =>
  byte >= 0x80 && byte < 0xa0 ? HIGH[byte - 0x80] : String.fromCharCode(byte);

/** The byte of a character of Windows-1252 or Latin-1, or -1. */
export function byteOf(character: string): number {
  const code = character.charCodeAt(0);
  return code < 0x100 ? code : (BYTE_OF.get(character) ?? -1);
}
