// What the tests of pages do to them and read from them: the example page's, and the report's contrast.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Given {
  name: string;
  type: string;
  bytes: Uint8Array;
}

export const text = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent ?? '');

/** Files out of the air, dropped or pasted. */
export async function give(page: Page, how: 'drop' | 'paste', files: Given[]): Promise<void> {
  const sent = files.map(({ name: file, type, bytes }) => ({
    file,
    type,
    base64: Buffer.from(bytes).toString('base64'),
  }));
  await page.evaluate(
    (event, given) => {
      const transfer = new DataTransfer();
      for (const { file, type, base64 } of given)
        transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], file, { type }));
      const target = document.querySelector('#zone')!;
      const options = { bubbles: true, cancelable: true };
      if (event === 'drop')
        for (const step of ['dragenter', 'dragover', 'drop'])
          target.dispatchEvent(new DragEvent(step, { ...options, dataTransfer: transfer }));
      // Firefox takes no clipboardData from scripts.
      else
        target.dispatchEvent(
          Object.defineProperty(new ClipboardEvent('paste', options), 'clipboardData', { value: transfer }),
        );
    },
    how,
    sent,
  );
}

/** A picture of the repository, to be given. */
export const picture = (path: string): Given => ({
  name: basename(path),
  type: path.endsWith('png') ? 'image/png' : 'image/jpeg',
  bytes: readFileSync(join(root, path)),
});

/** What a button saves: see `catchSaved`. */
export const savedBy = async (page: Page, button: string): Promise<Buffer> => {
  await page.$eval(button, (element) => (element as HTMLButtonElement).click());
  const base64 = await page.evaluate(async () => {
    const blob = (globalThis as unknown as { saved: Blob[] }).saved.pop()!;
    return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(''));
  });
  return Buffer.from(base64, 'base64');
};

/** Runs in the page, before its scripts: keeps what it saves. */
export function catchSaved(): void {
  const saved: Blob[] = [];
  Object.assign(globalThis, { saved });
  const original = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob: Blob) => {
    if (blob.type === 'application/octet-stream' || blob.type === 'application/json') saved.push(blob);
    return original(blob);
  };
}

/**
 * Runs in the page: of the elements with text, without disabled ones, the one with the least contrast to its ground
 * (WCAG 2, 1.4.3); and the page's ground.
 */
export function leastContrast(elements: string): { contrast: number; text: string; ground: string } {
  const numbers = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color: string): number => {
    const [r, g, b] = numbers(color).map((c) =>
      c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element: Element): string => {
    const { backgroundColor } = getComputedStyle(element);
    return numbers(backgroundColor)[3] === 0 && element.parentElement !== null
      ? ground(element.parentElement)
      : backgroundColor;
  };
  let least = { contrast: Infinity, text: '' };
  for (const element of document.querySelectorAll(elements)) {
    if (
      element.getBoundingClientRect().width === 0 ||
      element.textContent === '' ||
      (element as HTMLButtonElement).disabled
    )
      continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(element instanceof SVGElement ? style.fill : style.color), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < least.contrast)
      least = { contrast, text: `${element.tagName} ${element.textContent!.slice(0, 40)}` };
  }
  return { ...least, ground: getComputedStyle(document.body).backgroundColor };
}

/** Runs in the page: how many elements would move. */
export function movingElements(): number {
  return [...document.querySelectorAll('*')].filter(
    (element) => !/^(?:all 0s|none)/.test(getComputedStyle(element).transition),
  ).length;
}
