/** Bytes as text, each the character of its number. (TextDecoder's "latin1" is Windows-1252, which is another.) */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
