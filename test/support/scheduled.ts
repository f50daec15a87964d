// For tests whose outcome depends on when the operating system lets which process run: killed threads, broken
// connections, signals, clocks that jump. On a busy machine one of them may lose its race with a deadline; a second try
// tells that from a fault, which fails twice. No other test is tried again.

/** `describe('…', SCHEDULED, () => …)`, `test('…', SCHEDULED, async () => …)`. */
export const SCHEDULED = { retry: 1 } as const;
