// Small words for the page's elements.

/** The element of that id. @throws Error if the page has none of that kind */
export function byId<E extends HTMLElement>(id: string, kind: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} with the id ${id}`);
  return element;
}

/** A new element with properties and children; text is text, never markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** 4.2 %, 0.03 %, 100 % */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 99.95 ? '100' : value >= 0.095 ? value.toFixed(1) : value.toFixed(2)} %`;
}

/** 3.2 ms, 45 ms, 1.3 s */
export function duration(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

export function save(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // Firefox reads it after the click
}

/**
 * Copies, and says so on the button for a moment. Where the page may not, the text is selected for the reader to copy.
 */
export async function copy(button: HTMLButtonElement, text: string, shown: HTMLElement | null): Promise<void> {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    if (shown !== null) getSelection()?.selectAllChildren(shown);
    button.textContent = shown === null ? 'Not allowed here' : 'Selected';
  }
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}
