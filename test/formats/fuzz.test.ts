// Damaged files of every format: whatever is changed or cut off, there is an answer or one clear sentence, and soon.

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTensorFile } from '../../src/formats/open.ts';
import { readStored } from '../../src/formats/stored-tensor.ts';
import { sizeOf } from '../../src/ops/tensor.ts';
import { threefry2x32 } from '../../src/ops/threefry.ts';
import { counting, fixture, sound, temporaryFolder } from '../support/checkpoints.ts';

const folder = temporaryFolder();
const FILES: Record<string, Buffer> = {
  safetensors: counting(
    { 'visual.conv1.weight': [4, 3, 2, 2], 'visual.proj': [4, 4], logit_scale: [] },
    { format: 'pt' },
  ),
  zip: readFileSync(fixture('torch/views.protocol2.pt')),
  'deflated zip': readFileSync(fixture('torch/types.deflated.pt')),
  legacy: readFileSync(fixture('torch/views.legacy.protocol4.pt')),
  TorchScript: readFileSync(fixture('torch/script.pt')),
  training: readFileSync(fixture('torch/training.pt')),
};

/** null if the file was read or refused as it should be, else what is wrong. */
async function complaint(path: string): Promise<string | null> {
  try {
    const raw = await openTensorFile(path);
    try {
      for (const tensor of raw.tensors.values()) {
        const count = sizeOf(tensor.shape);
        // A stride of 0 may repeat one element as often as it likes; whoever loads it compares the shape first.
        if (count < 1e6) await readStored(tensor, new Float32Array(count), 0);
      }
    } finally {
      await raw.close();
    }
    return null;
  } catch (error) {
    return error instanceof Error ? sound(error) : `threw ${String(error)}`;
  }
}

describe.for(Object.keys(FILES))('%s', (kind) => {
  const file = FILES[kind];
  const path = `${folder.path}/${kind.replace(' ', '-')}`;

  test('whole, it is read', async () => {
    writeFileSync(path, file);
    const raw = await openTensorFile(path);
    expect(raw.tensors.size).toBeGreaterThan(1);
    await raw.close();
    expect(await complaint(path)).toBeNull();
  });

  test('cut off anywhere, it is refused in one sentence', async () => {
    for (let length = 0; length < file.length; length += 64) {
      writeFileSync(path, file.subarray(0, length));
      await expect(openTensorFile(path), `${length} bytes`).rejects.toThrow(path);
      expect(await complaint(path), `${length} bytes`).toBeNull();
    }
  });

  test('with bytes changed at random (fixed seed), it is read or refused in one sentence', async () => {
    const complaints: string[] = [];
    for (let round = 0; round < 350; round++) {
      const damaged = Buffer.from(file);
      const changes = 1 + (round % 4);
      for (let change = 0; change < changes; change++) {
        const [where, what] = threefry2x32(round, change, kind.length, 0);
        // half of the changes hit the front, where headers and pickles are
        const range = change % 2 === 0 ? Math.min(file.length, 1024) : file.length;
        damaged[(where >>> 0) % range] = round % 3 === 0 ? [0, 0xff, 0x7f, 0x80][(what >>> 0) % 4] : what & 255;
      }
      writeFileSync(path, damaged);
      const found = await complaint(path);
      if (found !== null) complaints.push(`round ${round}: ${found}`);
    }
    expect(complaints).toEqual([]);
  });
});
