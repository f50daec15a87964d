// The one table of file signatures: formats whose beginnings look alike are told apart.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatName, SIGNATURE_BYTES } from '../../src/formats/signatures.ts';
import { safetensorsHeader } from '../../src/formats/safetensors-writer.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

describe('the name of a format', () => {
  test.each([
    ['\xff\xd8\xff\xe0', 'JPEG'],
    ['\xff\xd8', 'a JPEG of which little more than the first two bytes is left'],
    ['\x89PNG\r\n\x1a\n', 'PNG'],
    ['\x89PNG\n\x1a\n', 'a PNG whose first bytes are damaged, as by a transfer in text mode'],
    ['RIFF\x24\0\0\0WEBPVP8 ', 'WebP'],
    ['RIFF\x24\0\0\0WAVEfmt ', 'a RIFF file that is no WebP'],
    // Height 123 is '{' where the header of a safetensors file begins.
    ['GIF89a\x10\0{\0', 'GIF'],
    ['PK\x03\x04', 'a ZIP archive'],
    ['\x1f\x8b\x08', 'a gzip file'],
    ['\x80\x02}', 'a Python pickle'],
    ['\x80\x06}', null],
    // 128 bytes of header begin like a pickle, 123 like JSON.
    ['\x80\0\0\0\0\0\0\0{"a"', 'safetensors'],
    ['{\0\0\0\0\0\0\0{"a"', 'safetensors'],
    ['\xff\xff\xff\xff\xff\xff\xff\xff{}', 'safetensors'],
    ['{"weight_map":{}}', 'JSON'],
    ['\xef\xbb\xbf [1]', 'JSON'],
    [`BM${'a'.repeat(100)}`, 'BMP'],
    [`BM${'\0'.repeat(255)}ustar`, 'a tar archive'],
    ['\x08\x07\x12\x07pytorch', 'an ONNX model'],
    ['\0\0\0\0', 'nothing but zero bytes'],
    ['\n<!DOCTYPE html>', 'an HTML page'],
    ['<?xml version="1.0"?><svg>', 'SVG'],
    ['<?xml version="1.0"?><a>', 'XML'],
    ['words', 'text'],
    ['\x01\x02\x03', null],
    ['', null],
  ])('%j is %s', (beginning, name) => {
    expect(formatName(bytes(beginning))).toBe(name);
  });

  test('every header that is written here is known as safetensors', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(3000), (name, extent) => {
        const header = safetensorsHeader([[name, { dtype: 'F16', shape: [extent] }]]);
        expect(formatName(header.subarray(0, SIGNATURE_BYTES))).toBe('safetensors');
      }),
    );
  });
});
