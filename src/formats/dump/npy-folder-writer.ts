// A folder of .npy files, one per tensor, and metadata.json. The folder has its own name only once it is whole.

import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../../oracle/types.ts';
import { METADATA_FILE } from './metadata.ts';
import { NewFile, statOf, temporaryName, writeError } from '../new-file.ts';
import { npyHeaderBytes } from '../npy.ts';
import type { DumpWriter } from './write.ts';
import { elementsOf, littleEndian, WrittenNames } from './written-names.ts';

export class NpyFolderWriter implements DumpWriter {
  readonly #target: string;
  readonly #temporary: string;
  readonly #names = new WrittenNames();

  /** @throws Error if there is a folder of that name which holds something else than a dump */
  constructor(path: string) {
    this.#target = path.replace(/[/\\]+$/, '') || path;
    checkReplaceable(this.#target);
    this.#temporary = temporaryName(this.#target);
    try {
      rmSync(this.#temporary, { recursive: true, force: true });
      mkdirSync(this.#temporary);
    } catch (error) {
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
    const file = new NewFile(join(this.#temporary, `${name}.npy`), join(this.#temporary, `${name}.npy`));
    const header = npyHeaderBytes(elementsOf(values.data), values.shape);
    try {
      file.write(header, 0);
      file.write(littleEndian(values.data), header.length);
    } finally {
      file.close();
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
  }

  async discard(): Promise<void> {
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** Only a dump, or an empty folder, may be replaced: whoever names his home by mistake keeps it. */
function checkReplaceable(folder: string): void {
  const found = statOf(folder);
  if (found === undefined) return;
  if (!found.isDirectory())
    throw new Error(
      `"${folder}" expected a folder or a new name, got a file; name a folder, or end the name in .safetensors or .npz`,
    );
  const other = readdirSync(folder).find((file) => !file.endsWith('.npy') && file !== METADATA_FILE);
  if (other !== undefined)
    throw new Error(`"${folder}" holds "${other}", which is no part of a dump, and is not replaced; name a new folder`);
}
