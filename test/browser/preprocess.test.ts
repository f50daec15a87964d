// What pages do with a picture before the decoders see it.

import { afterEach, expect, test } from 'vitest';
import { preprocessor } from '../../src/browser/preprocess.ts';
import { DEFAULT_LIMITS, setLimits } from '../../src/formats/limits.ts';

afterEach(() => setLimits(DEFAULT_LIMITS));

test('a Blob with more bytes than any picture is refused before it is read', async () => {
  const blob = new Blob([new Uint8Array(1000)]);
  let wasRead = false;
  blob.arrayBuffer = () => {
    wasRead = true;
    return Promise.resolve(new ArrayBuffer(1000));
  };
  setLimits({ imageBytes: 999 });
  await expect(preprocessor(64)(blob)).rejects.toThrow(
    /^image: 1000 bytes are more than any picture has; .*raise the limit/,
  );
  expect(wasRead).toBe(false);
  setLimits({ imageBytes: 1000 });
  await expect(preprocessor(64)(blob)).rejects.toThrow(); // zeros are no picture
  expect(wasRead).toBe(true);
});
