// Lines of a stream, one by one, none longer than the limit: readline would keep a line without an end in memory until
// there is none left.

import { limits, raise } from './limits.ts';
import { CommandError } from '../cli/errors.ts';

/**
 * @param what names the stream in the message
 * @throws CommandError if a line is longer than the limit lineBytes
 */
export async function* linesFrom(stream: AsyncIterable<unknown>, what: string): AsyncGenerator<string> {
  const most = limits().lineBytes;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      yield withoutReturn(rest + text.slice(start, end));
      rest = '';
      start = end + 1;
    }
    rest += text.slice(start);
    if (rest.length > most)
      throw new CommandError(
        `${what} has a line of more than ${most} bytes; give one entry per line, or ${raise('lineBytes')}`,
      );
  }
  rest += decoder.decode();
  if (rest !== '') yield withoutReturn(rest);
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
