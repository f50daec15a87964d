// The products of a model in a fresh process: one line of JSON. By hand: node dist/bench/kernels-child.js
// '{"model":"RN50","executor":"reference","threads":1,"batch":1,"seconds":0.3}'

import { createExecutor } from '../src/executors/create.ts';
import type { ExecutorName } from '../src/executors/executor.ts';
import { ceiling } from './ceiling.ts';
import { measureOperation, type Timing } from './operation.ts';
import { product } from './products.ts';
import { parseShapes, SHAPES } from './shapes.ts';

export interface KernelMeasurement {
  model: string;
  executor: ExecutorName;
  threads: number;
  batch: number;
  /** For each product. */
  seconds: number;
}

export interface KernelResult extends KernelMeasurement {
  node: string;
  /** FLOP/s of the multiply-add loop on as many threads, before and after the products: the better one. */
  ceiling: number;
  products: (Timing & { name: string; note: string; times: number; work: number })[];
}

async function main(measurement: KernelMeasurement): Promise<KernelResult> {
  const { model, executor: name, threads, batch, seconds } = measurement;
  const before = await ceiling(threads);
  const executor = createExecutor({ executor: name, threads });
  const products: KernelResult['products'] = [];
  for (const shape of parseShapes(SHAPES[model])) {
    const one = product(shape, batch);
    products.push({
      name: one.name,
      note: shape.note,
      times: shape.times,
      work: one.work,
      ...(await measureOperation(executor, one, seconds)),
    });
  }
  await executor.close();
  return { ...measurement, node: process.version, ceiling: Math.max(before, await ceiling(threads)), products };
}

const result = await main(JSON.parse(process.argv[2]) as KernelMeasurement);
process.stdout.write(`${JSON.stringify(result)}\n`);
