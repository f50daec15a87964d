// The progress bar on a terminal: it says what is counted, also when that changes.

import { afterEach, expect, test, vi } from 'vitest';
import { Progress } from '../../../src/cli/terminal/progress.ts';

const isTTY = process.stderr.isTTY;
afterEach(() => {
  vi.restoreAllMocks();
  process.stderr.isTTY = isTTY;
});

/** What was written to standard error. */
function terminal(): () => string {
  process.stderr.isTTY = true;
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  return () => written.splice(0).join('');
}

test('the next stage is counted from none, in its own unit', async () => {
  const text = terminal();
  const progress = await Progress.create({ unit: 'modules', total: null, delay: 0 });
  progress.update(3, 4);
  expect(text()).toMatch(/75 % {2}3 of 4 modules/);
  progress.next('causes tried');
  expect(text()).not.toContain('of');
  progress.update(1, 40);
  const next = text();
  expect(next).toMatch(/2 % {2}1 of 40 causes tried/);
  expect(next).not.toContain('modules');
  progress.stop();
});

test('nothing is shown where nobody looks', async () => {
  const text = terminal();
  process.stderr.isTTY = false;
  const progress = await Progress.create({ unit: 'modules', total: null, delay: 0 });
  progress.update(3, 4);
  progress.next('causes tried');
  progress.update(1, 40);
  progress.stop();
  expect(text()).toBe('');
});
