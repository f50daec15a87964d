// npm run conformance: builds the program, runs it in this Node or in the engines that are named, and holds what they
// give against the pinned hashes.
// Exit code 0: all equal; 1: something differs or could not be run; 2: the command itself was wrong. See
// docs/conformance.md.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { bundle } from './bundle.ts';
import { engines, enginesFolder, findEngine, type Engine } from './engines/index.ts';
import { insertMatrix, markdown } from './matrix.ts';
import { judge, pinsOf, type Pins } from './pinned.ts';
import { parseArguments, SWEEP } from './program/arguments.ts';
import { PATHS } from './program/paths.ts';
import type { Result } from './program/run.ts';
import { mergeRecords, readRecords, writeRecords, type EngineRecord } from './record.ts';
import { table } from './table.ts';
import { thisNode } from './this-node.ts';

interface Options {
  quick?: boolean;
  engines?: string[];
  list?: boolean;
  install?: boolean;
  sweep?: number;
  models?: string;
  paths?: string;
  without?: string;
  minutes: number;
  json?: string;
  markdown?: string;
  pin?: boolean;
}

const root = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url));
const PINNED = join(root, 'fixtures/conformance/hashes.json');

/** The step of sweeps for interpreters and emulators. */
const WIDE = 4099;

const QUICK = [
  'models=tiny-rn,tiny-vit,tiny-vit text,ViT-B/32',
  `without=${PATHS.filter(({ name }) => name !== 'simd')
    .map(({ name }) => `ViT-B/32 ${name}`)
    .join()}`,
];

function commandLine(): Options {
  const names = (value: string): string[] => value.split(',').filter((name) => name !== '');
  const number =
    (least: number) =>
    (value: string): number => {
      if (!/^\d+$/.test(value) || Number(value) < least)
        throw new InvalidArgumentError(`expected a whole number from ${least} on.`);
      return Number(value);
    };
  return new Command('npm run conformance --')
    .description("Computes the contract's artefact in JavaScript engines and compares it with the pinned hashes.")
    .option('--quick', `tiny models on all paths, ViT-B/32 on SIMD, sweeps of every ${WIDE}th pattern`)
    .option('--engines <names>', 'other engines than this Node, separated by commas, or all', names)
    .option('--list', 'list the engines')
    .option('--install', 'install the engines, and as root what they need of Debian; run nothing')
    .option(
      '--sweep <n>',
      `every which pattern the sweeps take, 0 for none (default ${SWEEP}; ${WIDE} where code is interpreted or ` +
        'emulated)',
      number(0),
    )
    .option('--models <names>', 'these models only')
    .option('--paths <names>', `these paths only: ${PATHS.map(({ name }) => name).join(', ')}`)
    .option('--without <pairs>', 'leave out pairs of model and path, such as "RN50 plain64"')
    .option('--minutes <n>', 'time limit for each engine', number(1), 60)
    .option('--json <file>', 'keep the results; those of other engines in the file stay')
    .option(
      '--markdown <file>',
      'write the matrix between the comments <!-- conformance --> and <!-- /conformance --> (of all results in --json)',
    )
    .option('--pin', "pin this Node's hashes, if all its paths agree")
    .exitOverride()
    .parse()
    .opts<Options>();
}

function argumentsFor(engine: Engine, { quick, sweep, models, paths, without }: Options): string[] {
  const args = quick === true ? [...QUICK] : [];
  args.push(`sweep=${sweep ?? (quick === true || engine.slow === true ? WIDE : SWEEP)}`);
  if (models !== undefined) args.push(`models=${models}`);
  if (paths !== undefined) args.push(`paths=${paths}`);
  if (without !== undefined) args.push(`without=${without}`);
  parseArguments(args); // their mistakes are this command's
  return args;
}

async function runOn(engine: Engine, file: string, options: Options): Promise<EngineRecord> {
  const { name, processor, note = null } = engine;
  const record = { name, processor, note, date: new Date().toISOString().slice(0, 10) };
  try {
    await engine.install(enginesFolder());
    const { version, result } = await engine.run(file, argumentsFor(engine, options), {
      timeLimit: 60 * options.minutes,
      onProgress: (text) => {
        process.stderr.write(`${name}: ${text}\n`);
      },
    });
    return { ...record, version, result: result as Result, error: null };
  } catch (error) {
    return { ...record, version: null, result: null, error: error instanceof Error ? error.message : String(error) };
  }
}

async function main(): Promise<number> {
  const options = commandLine();
  const print = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  if (options.list === true) {
    for (const { name, processor, note } of engines) print(`${name.padEnd(24)}${processor.padEnd(20)}${note ?? ''}`);
    return 0;
  }
  const chosen =
    options.engines === undefined
      ? [thisNode]
      : options.engines.flatMap((name) =>
          name === 'all' ? engines : name === 'this' ? [thisNode] : [findEngine(name)],
        );
  if (options.pin === true && options.engines !== undefined)
    throw new RangeError('--pin: expected this Node alone, got --engines; leave one of them out');
  for (const engine of chosen) argumentsFor(engine, options);
  if (options.install === true) {
    for (const engine of chosen) await engine.install(enginesFolder(), { system: true });
    print(`installed in ${enginesFolder()}: ${chosen.map(({ name }) => name).join(', ')}`);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'clip-oracle-conformance-'));
  try {
    const file = await bundle(root, folder);
    let pins = readPins();
    let good = true;
    const records: EngineRecord[] = [];
    for (const engine of chosen) {
      const record = await runOn(engine, file, options);
      records.push(record);
      // At once: the next engine may take hours.
      if (options.json !== undefined) writeRecords(options.json, mergeRecords(readRecords(options.json), [record]));
      if (record.result === null) {
        print(`${engine.name} (${engine.processor}): ${record.error ?? ''}`);
        good = false;
        continue;
      }
      if (options.pin === true) pins = pin(record.result, pins);
      print(`${engine.name}: ${record.version}, ${engine.processor}\n${await table(record.result, pins)}`);
      const verdicts = judge(record.result, pins);
      if (verdicts.length === 0 || verdicts.some(({ verdict }) => verdict !== 'same')) good = false;
    }
    if (options.markdown !== undefined) {
      const all = options.json === undefined ? records : readRecords(options.json);
      insertMatrix(
        options.markdown,
        markdown(
          all,
          pins,
          engines.map(({ name }) => name),
        ),
      );
    }
    return good ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const readPins = (): Pins => JSON.parse(readFileSync(PINNED, 'utf8')) as Pins;

function pin(result: Result, pins: Pins): Pins {
  const merged = { ...pins, ...pinsOf(result) };
  const lines = Object.entries(merged)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  writeFileSync(PINNED, `{\n${lines.join(',\n')}\n}\n`);
  return merged;
}

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
