// The form of an error that an untrusted file causes: thrown by this project, one sentence.

import { messageOf } from '../../src/cli/errors.ts';
import type { Finding } from './protocol.ts';

/** Texts of the engine, of Node, or of a template whose value was missing. */
const ENGINE =
  /Invalid (typed )?array|Invalid array buffer|allocation failed|call stack|is not (a function|iterable|defined|an? )|Cannot (read|set|convert|mix|destructure|access)|out of (range|bounds)|outside the bounds|Invalid (count|string|code point|time|regular)|maximum size exceeded|Unexpected (token|end|non|string|number)|in JSON at|The "[^"]+" argument|object null|\[object|undefined|Assignment to constant|reading '|Reduce of empty|ERR_[A-Z]|BigInt|byte length of|start offset/;

/** Where this project itself says "is not a": each phrase is in an error of src (test/tools/fuzz/corpus.test.ts). */
export const OWN_PHRASES = [
  'is not a valid .npy array',
  'is not a valid gzip file',
  'is not a valid pickle',
  'is not a valid safetensors file',
  'is not a feature file',
  'is not a regular file',
  'is not an index of shards',
  'is not a linear layer of CLIP',
  'is not a memo index',
  'is not a storage',
  'is not a global',
  'is not a list',
  'is not a dictionary',
  'is not an integer',
  'is not a number',
];

/** Control characters, which a terminal would execute. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f\x9b]/;

/**
 * Classes that users may see: those of CONTRIBUTING.md (a wrong kind is a TypeError, a wrong value a RangeError, else
 * Error), the command line's own, and a pickle that ends too early, which the reader of old PyTorch files tells apart.
 */
const CLASSES = ['Error', 'RangeError', 'TypeError', 'PickleEnd', 'CommandError'];

const MOST = 1200;

/** What is wrong with whatever was thrown, or null. */
export function complaintAbout(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return `threw ${typeof thrown}, which is no Error`;
  const { name, message } = thrown;
  if (!CLASSES.includes(name)) return `a ${name} is not for users: ${message}`;
  if ('code' in thrown && typeof thrown.code === 'string' && !thrown.code.startsWith('commander.'))
    return `${thrown.code} is Node's, not ours: ${message}`;
  // Text that the message quotes is the untrusted file's.
  const own = message.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\u2026/g, '');
  if (/[\n\r]/.test(own)) return `several lines: ${JSON.stringify(message)}`;
  if (CONTROLS.test(messageOf(thrown))) return `control characters: ${JSON.stringify(message)}`;
  if (ENGINE.test(OWN_PHRASES.reduce((text, phrase) => text.replaceAll(phrase, ''), own)))
    return `an internal error: ${message}`;
  if (message.length > MOST) return `${message.length} characters long: ${message.slice(0, 200)}`;
  if (!/[;:?]|expected/i.test(own) || message.length < 20) return `no sentence that says what was expected: ${message}`;
  return null;
}

/** The same for findings that differ only in what their messages quote, and in numbers. */
export const keyOf = ({ kind, message }: Pick<Finding, 'kind' | 'message'>): string =>
  `${kind} ${message
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/-?\d+(\.\d+)?/g, '0')
    .slice(0, 160)}`;
