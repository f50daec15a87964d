// One measurement of the text tower in a fresh process: load, verify against PyTorch's float64 features, encode the
// prompts, report as one line of JSON.

import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import ndarray from 'ndarray';
import { load, tokenize } from '../../src/index.ts';
import { digestOf } from '../digest.ts';
import { peerFolder, peerVersion, requirePeer } from '../engines/peer-package.ts';
import { readGoldenFile, relativeRms } from '../golden.ts';
import { ownPackage } from '../environment.ts';
import { weightFiles } from '../peers/weights.ts';
import { longPrompts, ordinaryPrompts } from './prompts.ts';

export interface TextMeasurement {
  engine: 'clip-oracle' | 'onnxruntime-web' | 'onnxruntime-node';
  threads: number;
  prompts: 'ordinary' | 'long';
  /** How many of the prompts are encoded. */
  count: number;
  /** Texts per call. clip-oracle takes all at once, whatever this is: it divides them itself. */
  batch: number;
  /** The peers' parameters. */
  weights: string;
}

export interface TextResult extends TextMeasurement {
  version: string;
  node: string;
  /**
   * Seconds to encode the prompts, a first pass over all of them included where it came first; the best of the passes.
   */
  seconds: number;
  /** Processor seconds of that pass, of all threads: on a busy machine the better measure. */
  cpu: number;
  /** Relative RMS error of the golden sentences' features against float64. */
  error: number;
  pytorchError: number;
  peak: number;
  /** Of the features of the first prompts, for comparison among engines (rounded) and among threads (bits). */
  digest: string;
  sample: number[];
}

type Ids = ndarray.NdArray<Int32Array>;
interface Encoder {
  version: string;
  encode(tokens: Ids): Promise<Float32Array>;
  close(): Promise<void>;
}

async function ours({ threads }: TextMeasurement): Promise<Encoder> {
  const { model } = await load('ViT-B/32', { weights: 'synthetic:0', threads });
  await model.prepare('text');
  return {
    version: ownPackage().version,
    encode: async (tokens) => (await model.encodeText(tokens)).data as Float32Array,
    close: () => model.close(),
  };
}

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
  release(): Promise<void>;
}
interface Runtime {
  env: { wasm: { numThreads: number; wasmPaths: string } };
  Tensor: new (type: 'int64', data: BigInt64Array, shape: number[]) => unknown;
  InferenceSession: { create(model: string | Uint8Array, options: Record<string, unknown>): Promise<Session> };
}

async function peer({ engine, threads, batch, weights }: TextMeasurement): Promise<Encoder> {
  const ort = requirePeer<Runtime>(engine);
  const { onnx } = weightFiles('ViT-B/32.text', dirname(weights));
  let session: Session;
  if (engine === 'onnxruntime-web') {
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = `${peerFolder(engine)}/dist/`;
    session = await ort.InferenceSession.create(readFileSync(onnx), {
      executionProviders: ['wasm'],
      externalData: [{ path: basename(weights), data: readFileSync(weights) }],
    });
  } else {
    session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: threads, interOpNumThreads: 1 });
  }
  return {
    version: peerVersion(engine),
    async encode(tokens) {
      const [N, T] = tokens.shape;
      const parts: Float32Array[] = [];
      for (let n = 0; n < N; n += batch) {
        const count = Math.min(batch, N - n);
        const ids = BigInt64Array.from({ length: count * T }, (_, i) =>
          BigInt(tokens.get(n + Math.floor(i / T), i % T)),
        );
        parts.push((await session.run({ tokens: new ort.Tensor('int64', ids, [count, T]) })).features.data);
      }
      const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    },
    close: () => session.release(),
  };
}

async function main(measurement: TextMeasurement): Promise<TextResult> {
  const { engine, prompts, count } = measurement;
  const encoder = await (engine === 'clip-oracle' ? ours(measurement) : peer(measurement));
  // [1] the golden sentences
  const golden = readGoldenFile('fixtures/text/ViT-B-32.text.safetensors');
  const sentences = ndarray(Int32Array.from(golden['input/tokens'], Number), [12, 77]);
  const error = relativeRms(await encoder.encode(sentences), golden['f64/text_features'] as Float64Array);
  const pytorchError = relativeRms(
    golden['f32/text_features'] as Float32Array,
    golden['f64/text_features'] as Float64Array,
  );
  const bound = Math.max(4 * pytorchError, 1e-5);
  if (!(error <= bound))
    throw new Error(
      `text features have a relative RMS error of ${error} against float64, more than ${bound}; not timed, ` +
        'because they are wrong',
    );
  // [2] the prompts: ours in a batch have the bits of single calls
  const tokens = tokenize((prompts === 'long' ? longPrompts : ordinaryPrompts)(count));
  const few = tokens.hi(Math.min(count, 24), 77);
  const first = await encoder.encode(few);
  if (engine === 'clip-oracle') {
    for (const n of [0, 7, 23].filter((row) => row < count)) {
      const one = await encoder.encode(few.lo(n, 0).hi(1, 77));
      if (one.some((value, i) => !Object.is(value, first[n * 512 + i])))
        throw new Error(`text ${n} alone gives other bits than in a batch; not timed, because it is wrong`);
    }
  }
  // [3] the time: all of them, twice if that is quick
  let [seconds, cpu] = [Infinity, Infinity];
  let spent = 0;
  for (let pass = 0; pass < 3 && (pass === 0 || spent < 20); pass++) {
    const [begin, before] = [performance.now(), process.cpuUsage()];
    await encoder.encode(tokens);
    const took = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(before);
    [seconds, cpu] = [Math.min(seconds, took), Math.min(cpu, (user + system) / 1e6)];
    spent += took;
  }
  await encoder.close();
  return {
    ...measurement,
    version: encoder.version,
    node: process.version,
    seconds,
    cpu,
    error,
    pytorchError,
    peak: process.resourceUsage().maxRSS * 1024,
    digest: digestOf(first),
    sample: Array.from(first.subarray(0, 512)),
  };
}

const result = await main(JSON.parse(process.argv[2]) as TextMeasurement);
process.stdout.write(`${JSON.stringify(result)}\n`, () => {
  process.exit(0);
});
