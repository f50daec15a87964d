// The file of --out, created before the work begins: a wrong name should not cost the reading of a gigabyte.

import { AtomicFile, standardOutput, type Output } from '../formats/atomic-file.ts';

/**
 * Opens the output, which is standard output without a name; completes it after `use`, removes it if `use` throws.
 * @throws Error if it cannot be written there
 */
export async function withOutput<T>(out: string | undefined, use: (output: Output) => Promise<T>): Promise<T> {
  return using(out === undefined ? standardOutput : await AtomicFile.create(out), use);
}

/** The same for several files, which are completed together. */
export async function withOutputs<T>(
  outs: readonly string[],
  use: (outputs: readonly Output[]) => Promise<T>,
  opened: readonly Output[] = [],
): Promise<T> {
  if (opened.length === outs.length) return use(opened);
  return withOutput(outs[opened.length], (output) => withOutputs(outs, use, [...opened, output]));
}

/** The same for a writer that is open already; null stands for none. */
export async function using<T, W extends Pick<Output, 'finish' | 'discard'> | null>(
  output: W,
  use: (output: W) => Promise<T>,
): Promise<T> {
  try {
    const result = await use(output);
    await output?.finish();
    return result;
  } catch (error) {
    await output?.discard();
    throw error;
  }
}
