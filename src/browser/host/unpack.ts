// Unpacking in memory with a limit, by the browser's DecompressionStream.

/**
 * The bytes unpacked, or 'longer' as soon as they would be more than `limit`. @throws Error if they are damaged or cut
 * off
 */
export async function unpack(
  format: 'gzip' | 'deflate' | 'deflate-raw',
  packed: Uint8Array,
  limit: number,
): Promise<Uint8Array | 'longer'> {
  const reader = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream(format))
    .getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) {
      await reader.cancel().catch(() => undefined);
      return 'longer';
    }
    parts.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
