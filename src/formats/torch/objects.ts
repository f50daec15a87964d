// The part of PyTorch's pickles that carries weights: which globals may be named, what a storage and a tensor are.
// Sources: torch/_utils.py (_rebuild_*), torch/serialization.py (persistent ids).

import { limits } from '../limits.ts';
import { ELEMENT_BYTES, STORAGE_TYPES, type DType } from '../element-types.ts';
import type { PickleHooks } from './pickle.ts';
import {
  isForeign,
  isGlobal,
  isRecord,
  type PickleForeign,
  type PickleGlobal,
  type PickleValue,
} from './pickle-values.ts';
import { extentBytes } from '../stored-tensor.ts';
import { sizeOf } from '../../ops/tensor.ts';

export interface TorchStorage extends PickleForeign {
  readonly type: 'storage';
  readonly key: string;
  readonly dtype: DType;
  /** Elements of the whole storage under this key. */
  readonly count: number;
  /** Where a view (legacy files) begins in it, in elements. */
  readonly start: number;
}

export interface TorchTensor extends PickleForeign {
  readonly type: 'tensor';
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

const isTensor = (value: PickleValue): value is TorchTensor =>
  isForeign(value) && 'type' in value && value.type === 'tensor';
const isStorage = (value: PickleValue): value is TorchStorage =>
  isForeign(value) && 'type' in value && value.type === 'storage';

/**
 * Limits on what is walked: a pickle can say "this dictionary once more" in two bytes, so its size alone bounds
 * nothing.
 */
const MAX_VISITS = 2_000_000;
const MAX_NAME_LENGTH = 1000;

const REBUILD = new Set(['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2']);
const REBUILD_PARAMETER = new Set([
  'torch._utils._rebuild_parameter',
  'torch._utils._rebuild_parameter_with_state',
  'torch.nn.parameter.Parameter',
]);
const DICTIONARIES = new Set(['collections.OrderedDict', 'builtins.dict', '__builtin__.dict']);
const LISTS = new Set([
  'torch.Size',
  'builtins.list',
  'builtins.tuple',
  'builtins.set',
  'builtins.frozenset',
  '__builtin__.list',
  '__builtin__.tuple',
  '__builtin__.set',
  '__builtin__.frozenset',
]);
/** TorchScript's typed lists and dictionaries (torch/jit/_pickle.py): the plain value comes first. */
const TYPED = /^torch\.jit\._pickle\.(restore_type_tag|build_(int|tensor|double|bool)list)$/;
/** Things that training checkpoints keep beside the weights: recorded by name, never built. */
const INERT = new Set([
  'torch.device',
  'torch.Tensor',
  'torch._tensor._rebuild_from_type_v2',
  'argparse.Namespace',
  'types.SimpleNamespace',
  'collections.defaultdict',
  'collections.Counter',
  'collections.deque',
  'builtins.int',
  'builtins.float',
  'builtins.bool',
  'builtins.str',
  'builtins.bytes',
  'builtins.bytearray',
  'builtins.complex',
  'builtins.slice',
  'builtins.object',
  '__builtin__.int',
  '__builtin__.float',
  '__builtin__.bool',
  '__builtin__.unicode',
  '__builtin__.bytearray',
  '__builtin__.complex',
  '__builtin__.object',
  'copy_reg._reconstructor',
  'copyreg._reconstructor',
  '_codecs.encode',
  'datetime.datetime',
  'pathlib.PosixPath',
  'pathlib.Path',
  'numpy.dtype',
  'numpy.ndarray',
  'numpy.core.multiarray.scalar',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray.scalar',
  'numpy._core.multiarray._reconstruct',
]);
const DTYPE_NAMES = new RegExp(
  '^torch\\.(float16|bfloat16|half|float32|float|float64|double|u?int(8|16|32|64)|short|int|long|bool|' +
    'complex64|complex128)$',
);

function isAllowed(name: string): boolean {
  return (
    REBUILD.has(name) ||
    REBUILD_PARAMETER.has(name) ||
    DICTIONARIES.has(name) ||
    LISTS.has(name) ||
    INERT.has(name) ||
    DTYPE_NAMES.test(name) ||
    TYPED.test(name) ||
    storageType(name) !== null ||
    name.startsWith('__torch__.')
  );
}

/** 'torch.HalfStorage' or 'torch.cuda.HalfStorage': the device is ignored. */
function storageType(name: string): DType | null {
  const match = /^torch\.(?:cuda\.|storage\.)?(\w+Storage)$/.exec(name);
  return match === null ? null : (STORAGE_TYPES.get(match[1]) ?? null);
}

/** @param where the file, for messages */
export function torchHooks(where: string): PickleHooks {
  const damaged = (text: string): Error =>
    new Error(`"${where}": ${text}; the file is damaged: copy or download it again`);
  let copied = 0;
  const call = (target: PickleGlobal, args: readonly PickleValue[]): PickleValue => {
    const { name } = target;
    if (REBUILD.has(name)) return tensorOf(args, damaged);
    if (REBUILD_PARAMETER.has(name)) {
      if (args.length < 1 || !isTensor(args[0])) throw damaged('a parameter holds no tensor');
      return args[0];
    }
    if (name === 'torch._tensor._rebuild_from_type_v2') {
      if (
        args.length < 3 ||
        !isGlobal(args[0]) ||
        !Array.isArray(args[2]) ||
        !(REBUILD.has(args[0].name) || REBUILD_PARAMETER.has(args[0].name))
      )
        throw damaged('a tensor of a special class cannot be read');
      return call(args[0], args[2]);
    }
    if (TYPED.test(name) && args.length > 0) return args[0];
    if (DICTIONARIES.has(name)) {
      copied += Array.isArray(args[0]) ? args[0].length : 0;
      if (copied > MAX_VISITS)
        throw new Error(`"${where}" repeats its contents more often than any checkpoint; take the state dict alone`);
      return dictionary(args);
    }
    if (LISTS.has(name)) return Array.isArray(args[0]) ? args[0] : [];
    return { kind: 'record', name, args, state: null, items: new Map() };
  };
  return {
    call,
    global(module, name) {
      const full = `${module}.${name}`;
      if (!isAllowed(full)) {
        const shown = JSON.stringify(full.slice(0, 120));
        throw new Error(
          `"${where}" names the Python object ${shown}, which is not among those that weights need; nothing ` +
            'was executed. ' +
            'If you trust the file, load it in Python and save the tensors alone: torch.save(model.state_dict(), file)',
        );
      }
      return { kind: 'global', name: full };
    },
    persistent(id) {
      // ('storage', type, key, location, element count[, view]); a location such as 'cuda:0' is ignored
      if (!Array.isArray(id) || id[0] !== 'storage' || id.length < 5) throw damaged('a persistent id is not a storage');
      const [, type, key, , count, view] = id;
      const dtype = isGlobal(type) ? storageType(type.name) : null;
      if (dtype === null)
        throw damaged(
          `a storage has the type ${isGlobal(type) ? `"${type.name}"` : 'of no class'}, which cannot be read`,
        );
      if ((typeof key !== 'string' && typeof key !== 'number') || !isCount(count))
        throw damaged('a storage has no key or no element count');
      if (!Array.isArray(view)) return storage(String(key), dtype, count, 0);
      const [, start] = view;
      if (!isCount(start)) throw damaged('a view of a storage has no offset');
      return storage(String(key), dtype, count, start);
    },
  };
}

const storage = (key: string, dtype: DType, count: number, start: number): TorchStorage => ({
  kind: 'foreign',
  type: 'storage',
  key,
  dtype,
  count,
  start,
});
const isCount = (value: PickleValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function tensorOf(
  [from, offset, shape, strides]: readonly PickleValue[],
  damaged: (text: string) => Error,
): TorchTensor {
  const counts = (value: PickleValue | undefined): value is number[] =>
    Array.isArray(value) && value.length <= 32 && value.every(isCount);
  if (
    from === undefined ||
    !isStorage(from) ||
    !isCount(offset) ||
    !counts(shape) ||
    !counts(strides) ||
    shape.length !== strides.length
  )
    throw damaged('a tensor has no valid storage, offset, shape and strides');
  const bytes = ELEMENT_BYTES[from.dtype];
  const extent = extentBytes(shape, strides, from.dtype);
  if (!Number.isSafeInteger(sizeOf(shape)) || !(extent + (from.start + offset) * bytes <= from.count * bytes)) {
    throw damaged(
      `a tensor of shape (${shape.join(', ')}) and strides (${strides.join(', ')}) at offset ` +
        `${from.start + offset} does not fit into its storage of ${from.count} elements`,
    );
  }
  // Otherwise two numbers in a pickle could claim any amount of memory.
  if (sizeOf(shape) > Math.max(from.count, limits().repeatedElements))
    throw damaged(
      `a tensor of shape (${shape.join(', ')}) repeats the ${from.count} elements of its storage more often ` +
        'than is allowed (CLIP_ORACLE_LIMITS=repeatedElements=…)',
    );
  return { kind: 'foreign', type: 'tensor', storage: from, offset, shape, strides };
}

function dictionary(args: readonly PickleValue[]): Map<PickleValue, PickleValue> {
  // Not copied: a pickle may request a million copies in a few bytes each.
  if (args[0] instanceof Map) return args[0];
  const map = new Map<PickleValue, PickleValue>();
  // OrderedDict([(key, value), …]) of old files
  if (Array.isArray(args[0]))
    for (const pair of args[0]) if (Array.isArray(pair) && pair.length === 2) map.set(pair[0], pair[1]);
  return map;
}

/**
 * All tensors in a nest of dictionaries and objects, under their names joined with dots: the entries of a state dict,
 * or the attributes of the modules of a TorchScript archive.
 * @throws Error if the nest is deeper or larger than any checkpoint, or two tensors have the same name
 */
export function collectTensors(root: PickleValue, where: string): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  const pending: { value: PickleValue; name: string; depth: number }[] = [{ value: root, name: '', depth: 0 }];
  let visits = 0;
  while (pending.length > 0) {
    const { value, name, depth } = pending.pop()!;
    visits += 1 + (value instanceof Map ? value.size : 0);
    if (visits > MAX_VISITS || depth > limits().nesting || name.length > MAX_NAME_LENGTH)
      throw new Error(
        `"${where}" nests its contents deeper, repeats them more often or names them longer than any ` +
          'checkpoint; take the state dict alone',
      );
    if (isTensor(value)) {
      if (tensors.has(name))
        throw new Error(`"${where}" has the tensor "${name.slice(0, 100)}" twice; keep one of the two`);
      tensors.set(name, value);
      continue;
    }
    const entries = value instanceof Map ? value : isRecord(value) && value.state instanceof Map ? value.state : null;
    if (entries === null) continue;
    // Last in, first out: pushed in reverse they come in the order of the file.
    for (const [key, entry] of [...entries].reverse()) {
      if (typeof key !== 'string' && typeof key !== 'number') continue;
      if (isTensor(entry) || entry instanceof Map || isRecord(entry))
        pending.push({ value: entry, name: name === '' ? String(key) : `${name}.${key}`, depth: depth + 1 });
    }
  }
  return tensors;
}
