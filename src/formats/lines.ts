// Lines of a stream, one by one, none longer than the limit: readline would keep a line without an end in memory until
// memory is exhausted.

import { limits, raise } from './limits.ts';

/**
 * @param what names the stream in the message
 * @param end what ends a line: a line feed (a carriage return before it goes, too), or a NUL as `find -print0` has it
 * @throws Error if a line is longer than the limit lineLength
 */
export async function* linesFrom(
  stream: AsyncIterable<unknown>,
  what: string,
  end: '\n' | '\0' = '\n',
): AsyncGenerator<string> {
  const whole = (line: string): string => (end === '\n' && line.endsWith('\r') ? line.slice(0, -1) : line);
  const most = limits().lineLength;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
    let start = 0;
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, start)) {
      yield whole(rest + text.slice(start, at));
      rest = '';
      start = at + 1;
    }
    rest += text.slice(start);
    if (rest.length > most)
      throw new Error(
        `${what} has a line of more than ${most} characters; give one entry per line, or ${raise('lineLength')}`,
      );
  }
  rest += decoder.decode();
  if (rest !== '') yield whole(rest);
}
