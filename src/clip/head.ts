// The fc head out of a file (read-head.ts).

import { openTensorFile } from '../formats/open.ts';
import { readHead, type Head } from './read-head.ts';

export { checkHeadFits, findHead, fitsModels, headWidth, type Head } from './read-head.ts';

/** @throws Error in one sentence if the file cannot be read, holds no head or more than one, or has NaN in it */
export async function loadHead(file: string): Promise<Head> {
  return readHead(await openTensorFile(file), file);
}
