// Verdicts by pinned hashes, and the matrix that is made of them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { insertMatrix, markdown } from '../../../tools/conformance/matrix.ts';
import { judge, pathOf, pinOf, pinsOf, type Pins } from '../../../tools/conformance/pinned.ts';
import { parseArguments } from '../../../tools/conformance/program/arguments.ts';
import type { Result } from '../../../tools/conformance/program/run.ts';
import { mergeRecords, readRecords, writeRecords, type EngineRecord } from '../../../tools/conformance/record.ts';
import { table } from '../../../tools/conformance/table.ts';

const options = parseArguments(['models=tiny-rn', 'paths=plain,simd', 'sweep=4099']);
const parts = { conv1: 'aaaa11', bn1: 'bbbb22', visual: 'cccc33' };
const result = (hashes: Result['hashes'], changed: Partial<Result> = {}): Result => ({
  options,
  hashes,
  parts: Object.fromEntries(Object.keys(hashes).map((key) => [key, parts])),
  fnv: {},
  refused: {},
  seconds: {},
  ...changed,
});
const pins: Pins = { 'tiny-rn float32': { hash: 'right', parts: 'aaaa bbbb cccc' } };

describe('verdicts', () => {
  test('paths of one precision share a pin, sweeps those of one step', () => {
    expect(pathOf('tiny-vit text simd64-2')).toMatchObject({ of: 'tiny-vit text', path: { name: 'simd64-2' } });
    expect(pinOf('tiny-vit text simd64-2', 257).pin).toBe('tiny-vit text float64');
    expect(pinOf('RN50 plain', 257).pin).toBe('RN50 float32');
    expect(pinOf('sweep exp simd', 4099).pin).toBe('sweep exp 4099');
    expect(() => pathOf('tiny-rn gpu')).toThrow('expected a key that ends with a path');
  });

  test.each([
    ['the same', 'right', parts, { verdict: 'same', first: null, count: 0 }],
    [
      'another tensor',
      'wrong',
      { ...parts, bn1: 'bbbc22', visual: 'dddd33' },
      { verdict: 'different', first: 'bn1', count: 2 },
    ],
    [
      'a tensor too few',
      'wrong',
      { conv1: 'aaaa11', bn1: 'bbbb22' },
      { verdict: 'different', first: 'what follows bn1', count: 1 },
    ],
    ['a tensor too many', 'wrong', { ...parts, more: 'eeee44' }, { verdict: 'different', first: 'more', count: 1 }],
    ['equal digits, another hash', 'wrong', parts, { verdict: 'different', first: null, count: 0 }],
  ])('%s', (_, hash, own, expected) => {
    expect(judge(result({ 'tiny-rn plain': hash }, { parts: { 'tiny-rn plain': own } }), pins)).toMatchObject([
      { key: 'tiny-rn plain', pin: 'tiny-rn float32', ...expected },
    ]);
  });

  test('what has no pin is said, and is not the same', () => {
    expect(judge(result({ 'tiny-vit plain': 'right' }), pins)).toMatchObject([{ verdict: 'not pinned' }]);
  });
});

describe('pinning', () => {
  test('takes what plain loops and SIMD agree on', () => {
    expect(pinsOf(result({ 'tiny-rn plain': 'right', 'tiny-rn simd': 'right' }))).toEqual(pins);
  });
  test('refuses paths that disagree', () => {
    expect(() => pinsOf(result({ 'tiny-rn plain': 'right', 'tiny-rn simd': 'wrong' }))).toThrow(
      '"tiny-rn simd" gives another than the path before',
    );
  });
  test('refuses one path alone, also if it is computed twice', () => {
    expect(() => pinsOf(result({ 'tiny-rn simd': 'right', 'tiny-rn simd-2': 'right' }))).toThrow(
      'expected "tiny-rn float32" by plain loops and by SIMD, which must agree, got simd alone',
    );
  });
});

describe('the matrix', () => {
  const record = (changed: Partial<EngineRecord>): EngineRecord => ({
    name: 'node20',
    processor: 'x86-64',
    note: null,
    version: 'Node 20',
    date: '2026-11-24',
    error: null,
    result: result({ 'tiny-rn plain': 'right', 'tiny-rn simd': 'right' }),
    ...changed,
  });

  test('has a row for each engine: counts, what was refused, differences, what could not be run', () => {
    const records = [
      record({ name: 'broken', version: null, result: null, error: 'no such program' }),
      record({
        name: 'arm',
        version: 'Node 18',
        note: 'emulated',
        result: result({ 'tiny-rn plain': 'right' }, { refused: { simd: 'flushes' } }),
      }),
      record({
        name: 'wrong',
        version: 'Other 1',
        result: result(
          { 'tiny-rn plain': 'wrong', 'tiny-rn simd': 'right' },
          { parts: { 'tiny-rn plain': { ...parts, visual: 'ffff00' } } },
        ),
      }),
      record({}),
    ];
    const text = markdown(records, pins, ['node20', 'arm', 'broken']);
    const rows = text.split('\n');
    expect(rows[2]).toMatch(/^\| Node 20 \| x86-64 \| 1¹ \| 1¹ \|/);
    expect(rows[3]).toMatch(/^\| Node 18 \(emulated\) \| x86-64 \| 1¹ \| –³ \|/);
    expect(rows[4]).toMatch(/^\| broken \| x86-64 \|.*\| 2026-11-24 ⁴ \|$/);
    expect(rows[5]).toMatch(/^\| Other 1 \| x86-64 \| \*\*≠\*\*⁵ \| 1¹ \|/);
    expect(text).toContain('¹ without tiny-vit, tiny-vit text, RN50, ViT-B/32, ViT-B/32 text');
    expect(text).toContain('² sweeps take every 4099th pattern, not every 257th');
    expect(text).toContain('³ refused: flushes');
    expect(text).toContain('⁴ could not be run: no such program');
    expect(text).toContain('⁵ tiny-rn plain differs, first in visual (1 part)');
  });

  test('goes between two comments, and only there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'matrix-'));
    try {
      const file = join(folder, 'README.md');
      writeFileSync(file, 'before\n<!-- conformance -->\nold\n<!-- /conformance -->\nafter\n');
      insertMatrix(file, '| new |');
      expect(readFileSync(file, 'utf8')).toBe('before\n<!-- conformance -->\n| new |\n<!-- /conformance -->\nafter\n');
      writeFileSync(file, 'goes between `<!-- conformance -->` and\n<!-- conformance -->\n<!-- /conformance -->\n');
      insertMatrix(file, '| new |');
      expect(readFileSync(file, 'utf8')).toBe(
        'goes between `<!-- conformance -->` and\n<!-- conformance -->\n| new |\n<!-- /conformance -->\n',
      );
      writeFileSync(file, 'none');
      expect(() => insertMatrix(file, 'x')).toThrow(
        'expected the lines <!-- conformance --> and <!-- /conformance -->',
      );
      const json = join(folder, 'records.json');
      expect(readRecords(json)).toEqual([]);
      writeRecords(json, mergeRecords([record({ date: 'old' }), record({ name: 'arm' })], [record({ date: 'new' })]));
      expect(readRecords(json).map(({ name, date }) => [name, date])).toEqual([
        ['node20', 'new'],
        ['arm', '2026-11-24'],
      ]);
      writeFileSync(json, '{}');
      expect(() => readRecords(json)).toThrow('expected a list of records');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test(
    'a run of the same version adds to what was computed before, one of another replaces it; sweeps of another ' +
      'step go',
    () => {
      const before = record({
        result: result({ 'sweep exp plain': 'a', 'tiny-rn plain': 'b' }, { refused: { 'simd-2': 'no' } }),
      });
      const merged = (changed: Partial<EngineRecord>) => mergeRecords([before], [record(changed)])[0].result!;
      const later = result({ 'RN50 plain': 'c', 'tiny-rn plain': 'd' });
      expect(merged({ result: later })).toMatchObject({
        hashes: { 'sweep exp plain': 'a', 'RN50 plain': 'c', 'tiny-rn plain': 'd' },
        refused: { 'simd-2': 'no' },
        options: { sweep: 4099 },
      });
      expect(merged({ result: { ...later, options: { ...options, sweep: 257 } } }).hashes).toEqual({
        'RN50 plain': 'c',
        'tiny-rn plain': 'd',
      });
      expect(merged({ result: { ...later, options: { ...options, sweep: 0 } } })).toMatchObject({
        hashes: { 'sweep exp plain': 'a' },
        options: { sweep: 4099 },
      });
      expect(merged({ version: 'Node 21', result: later })).toBe(later);
      expect(merged({ version: null, result: null, error: 'gone' } as Partial<EngineRecord>)).toBeNull();
    },
  );

  test('reasons are brought to one line', () => {
    const refused = {
      simd: "WebAssembly.Module doesn't parse (evaluating 'new WebAssembly.Module(\n  x)')",
      plain: `a | b\n${'c'.repeat(300)}`,
    };
    const text = markdown([record({ result: result({}, { refused }) })], pins);
    expect(text).toContain("refused: WebAssembly.Module doesn't parse  \n");
    expect(text).toMatch(/refused: a b c{155}… {2}$/m);
  });

  test('the table on the terminal names the first tensor that differs', async () => {
    const text = await table(
      result(
        { 'tiny-rn plain': 'right', 'tiny-rn simd': 'wrong' },
        { parts: { 'tiny-rn simd': { ...parts, bn1: 'ffff00' } }, refused: { 'simd-2': 'there are no workers' } },
      ),
      pins,
    );
    expect(text).toMatch(/tiny-rn .* DIFFERENT .* ok/);
    expect(text).toContain('simd-2: refused, there are no workers');
    expect(text).toContain('tiny-rn simd differs, first in bn1 (1 part)');
  });
});
