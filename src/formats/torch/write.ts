// Writes what torch.save(state_dict) writes, for tensors of float32: a zip file with a pickle that names the tensors
// and one entry per storage, nothing compressed.
// The format as PyTorch's readers want it: torch/serialization.py, torch/_utils.py (_rebuild_tensor_v2); the opcodes:
// CPython's Lib/pickletools.py. Protocol 2, no memo.
// torch.load(file, weights_only=True) reads it too: the only globals are OrderedDict, _rebuild_tensor_v2 and
// FloatStorage.

import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { littleEndian } from '../little-endian.ts';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The zip format's first day, so that the same tensors have the same bytes whenever they are written. */
const ENTRY = { compress: false, mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true };

/** The one folder of the archive. Readers take any name. */
const FOLDER = 'archive';

/** The bytes of the file. */
export async function torchFile(tensors: readonly NamedTensor[]): Promise<Uint8Array> {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error: Error) => output.destroy(error));
  zip.addBuffer(stateDict(tensors), `${FOLDER}/data.pkl`, ENTRY);
  tensors.forEach(({ data }, key) => zip.addBuffer(Buffer.from(littleEndian(data)), `${FOLDER}/data/${key}`, ENTRY));
  zip.addBuffer(Buffer.from('3\n'), `${FOLDER}/version`, ENTRY);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of output as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** OrderedDict([(name, _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())), …]) */
function stateDict(tensors: readonly NamedTensor[]): Buffer {
  const items = tensors.map(({ name, shape, data }, key) => {
    const storage = [
      MARK,
      text('storage'),
      global('torch', 'FloatStorage'),
      text(String(key)),
      text('cpu'),
      integer(data.length),
      TUPLE,
      BINPERSID,
    ];
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, extent) => product * extent, 1));
    return [
      text(name),
      global('torch._utils', '_rebuild_tensor_v2'),
      MARK,
      ...storage,
      integer(0),
      tuple(shape),
      tuple(strides),
      NEWFALSE,
      ...ORDERED_DICT,
      TUPLE,
      REDUCE,
    ];
  });
  return Buffer.concat([PROTO, ...ORDERED_DICT, MARK, ...items.flat(), SETITEMS, STOP]);
}

const op = (...bytes: number[]): Buffer => Buffer.from(bytes);
const PROTO = op(0x80, 2),
  MARK = op(0x28),
  TUPLE = op(0x74),
  EMPTY_TUPLE = op(0x29),
  REDUCE = op(0x52),
  BINPERSID = op(0x51),
  NEWFALSE = op(0x89),
  SETITEMS = op(0x75),
  STOP = op(0x2e);
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
const ORDERED_DICT = [global('collections', 'OrderedDict'), EMPTY_TUPLE, REDUCE];

/** BINUNICODE */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.from([0x58, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** BININT */
function integer(value: number): Buffer {
  const bytes = Buffer.from([0x4a, 0, 0, 0, 0]);
  bytes.writeInt32LE(value, 1);
  return bytes;
}

const tuple = (values: readonly number[]): Buffer => Buffer.concat([MARK, ...values.map(integer), TUPLE]);
