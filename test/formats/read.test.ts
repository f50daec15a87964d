// Files of weights that are of no format read here: each is named, with what to do.

import { expect, test } from 'vitest';
import { MemorySource } from '../../src/formats/byte-source.ts';
import { readTensorFile } from '../../src/formats/read.ts';
import { failure } from '../support/checkpoints.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

test.for([
  // msgpack 1.2: packb({'text_model': {'embeddings': {}}, 'vision_model': {}}), as flax.serialization.to_bytes begins
  [
    'flax_model.msgpack',
    '\x82\xaatext_model\x81\xaaembeddings\x80\xacvision_model\x80',
    /got Flax weights \(MessagePack\); take the safetensors or PyTorch file .*from_flax=True/,
  ],
  ['params.msgpack', '\x81\xa6params\x81\xa1a\x01', /got Flax weights/],
  ['a map16', '\xde\x00\x10\xa6params\x81\xa1a\x01', /got Flax weights/],
  ['tf_model.h5', '\x89HDF\r\n\x1a\n\0\0\0\0', /got an HDF5 \(Keras\) file; .*from_tf=True/],
  ['model.onnx', '\x08\x08\x12\x07pytorch', /got an ONNX model; take the .* exported from/],
  ['model.gguf', 'GGUF\x03\0\0\0', /got a GGUF file; take the .* converted from/],
  ['x.npy', "\x93NUMPY\x01\0v\0{'descr'", /got a NumPy array; it is one tensor/],
] as const)('%s', async ([name, text, sentence]) => {
  const message = await failure(readTensorFile(new MemorySource(name, bytes(text)), null));
  expect(message).toMatch(sentence);
  expect(message).toMatch(/expected a file of weights/);
});
