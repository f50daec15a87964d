// Lines of a stream, one by one, none longer than the limit: readline would keep a line without an end in memory until there is none left.

import { limits, raise } from '../clip/limits.ts';
import { CommandError } from './errors.ts';

/**
 * @param what names the stream in the message
 * @throws CommandError if a line is longer than the limit lineBytes
 */
export async function* linesFrom(stream: AsyncIterable<unknown>, what: string): AsyncGenerator<string> {
  const most = limits().lineBytes;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
    let start = 0;
    for (;;) {
      const end = rest.indexOf('\n', start);
      if (end < 0) break;
      yield rest.slice(start, rest.charCodeAt(end - 1) === 0x0d && end > start ? end - 1 : end);
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > most) throw new CommandError(`${what} has a line of more than ${most} bytes; give one entry per line, or ${raise('lineBytes')}`);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest.replace(/\r$/, '');
}
