// A folder of .npy files, one per tensor, and metadata.json. The folder has its own name only once it is whole.

import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../values.ts';
import { METADATA_FILE } from './metadata.ts';
import { markUnfinished, statOf, temporaryName, writeFileParts } from '../atomic-file.ts';
import { writeError } from '../errno.ts';
import { littleEndian } from '../little-endian.ts';
import { npyHeaderBytes } from '../npy.ts';
import type { DumpWriter } from './dump.ts';
import { elementsOf, WrittenNames } from './written-names.ts';

export class NpyFolderWriter implements DumpWriter {
  readonly #target: string;
  readonly #temporary: string;
  readonly #names = new WrittenNames();
  readonly #done: () => void;

  /** @throws Error if there is a folder of that name which holds something else than a dump */
  constructor(path: string) {
    this.#target = path.replace(/[/\\]+$/, '') || path;
    checkReplaceable(this.#target);
    this.#temporary = temporaryName(this.#target);
    this.#done = markUnfinished(this.#temporary);
    try {
      rmSync(this.#temporary, { recursive: true, force: true });
      mkdirSync(this.#temporary);
    } catch (error) {
      this.#done();
      throw writeError(this.#target, error);
    }
  }

  add(name: string, values: Values): void {
    if (/^\.|[/\\:*?"<>|]/.test(name)) {
      throw new RangeError(
        `writeDump: "name" expected one that can be a file's, got "${name}"; write .safetensors or .npz, or ` +
          'rename the tensor',
      );
    }
    this.#names.check(name, values);
    const path = join(this.#temporary, `${name}.npy`);
    try {
      writeFileParts(path, [npyHeaderBytes(elementsOf(values.data), values.shape), littleEndian(values.data)]);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  async finish(metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    try {
      writeFileSync(join(this.#temporary, METADATA_FILE), `${JSON.stringify(metadata, null, 1)}\n`);
      checkReplaceable(this.#target);
      if (statOf(this.#target) !== undefined) {
        for (const file of readdirSync(this.#target)) rmSync(join(this.#target, file));
        rmdirSync(this.#target);
      }
      renameSync(this.#temporary, this.#target);
    } catch (error) {
      throw writeError(this.#target, error);
    }
    this.#done();
  }

  async discard(): Promise<void> {
    rmSync(this.#temporary, { recursive: true, force: true });
    this.#done();
  }
}

/** Only a dump or an empty folder may be replaced: a home folder that is named by mistake stays. */
function checkReplaceable(folder: string): void {
  const found = statOf(folder);
  if (found === undefined) return;
  if (!found.isDirectory())
    throw new Error(
      `"${folder}" expected a folder or a new name, got a file; name a folder, or end the name in .safetensors or .npz`,
    );
  const other = readdirSync(folder).find((file) => !file.endsWith('.npy') && file !== METADATA_FILE);
  if (other !== undefined)
    throw new Error(
      `"${folder}" holds "${other}", which is not part of a dump, so the folder is not replaced; name a new folder`,
    );
}
