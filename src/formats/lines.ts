// Lines of a stream, one by one, none longer than the limit: readline would keep a line without an end in memory until
// memory is exhausted.

import { limits, raise } from './limits.ts';

/**
 * @param what names the stream in the message
 * @throws Error if a line is longer than the limit lineLength
 */
export async function* linesFrom(stream: AsyncIterable<unknown>, what: string): AsyncGenerator<string> {
  const most = limits().lineLength;
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
      throw new Error(
        `${what} has a line of more than ${most} characters; give one entry per line, or ${raise('lineLength')}`,
      );
  }
  rest += decoder.decode();
  if (rest !== '') yield withoutReturn(rest);
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
