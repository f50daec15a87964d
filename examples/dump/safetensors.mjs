// A dump as a safetensors file: the length of the header, the header as JSON, the numbers one after the other. No
// dependencies; runs in browsers too.

/**
 * @param {Record<string, { dims: readonly number[], data: Float32Array }>} tensors by module path, and the input as
 *   `image`
 * @param {Record<string, string>} metadata such as { model: 'ViT-B/32' }
 * @returns {Uint8Array[]} to be written in this order: `new Blob(parts)` in a browser, one after the other to a file
 *   elsewhere
 */
export function safetensors(tensors, metadata = {}) {
  const header = { __metadata__: metadata };
  let end = 0;
  for (const [name, { dims, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape: dims.map(Number), data_offsets: [end, (end += data.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new BigUint64Array([BigInt(text.length)]);
  const numbers = Object.values(tensors).map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return [new Uint8Array(length.buffer), text, ...numbers];
}
