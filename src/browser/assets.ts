// The files that come with the package, as bundlers and browsers find them. Each URL is written out, so that bundlers
// copy the file.

const FILES = [
  'mini-vit.safetensors.gz',
  'emoji-head.pth',
  'face-head.pth',
  'labels.json.gz',
  'merges.txt.gz',
  'entities.txt.gz',
  'octopus.jpg',
] as const;

/** Files of the package that a page may want. */
export type BundledFile = (typeof FILES)[number];

/** Of the files' contents: raised when one of them changes, so that browsers that keep the old ones fetch it again. */
export const BUNDLED_VERSION = '1';

/** The URL of a file of the package. @throws RangeError for another name */
export function bundledUrl(file: BundledFile): URL {
  switch (file) {
    case 'mini-vit.safetensors.gz':
      return new URL('../../fixtures/bundled/mini-vit.safetensors.gz', import.meta.url);
    case 'emoji-head.pth':
      return new URL('../../fixtures/bundled/emoji-head.pth', import.meta.url);
    case 'face-head.pth':
      return new URL('../../fixtures/bundled/face-head.pth', import.meta.url);
    case 'labels.json.gz':
      return new URL('../../fixtures/bundled/labels.json.gz', import.meta.url);
    case 'merges.txt.gz':
      return new URL('../../fixtures/bundled/merges.txt.gz', import.meta.url);
    case 'entities.txt.gz':
      return new URL('../../fixtures/bundled/entities.txt.gz', import.meta.url);
    case 'octopus.jpg':
      return new URL('../../fixtures/bundled/octopus.jpg', import.meta.url);
    default:
      throw new RangeError(
        `bundledUrl: "file" expected a file of the package such as mini-vit.safetensors.gz, got ${String(file)}`,
      );
  }
}

/** True for the URL of a file of the package. */
export const isBundled = (url: string): boolean => FILES.some((file) => bundledUrl(file).href === url);
