// The protocol between the program and its runner: lines of text.
//   PROGRESS text    what it is doing
//   RESULT {json}    once, at the end
//   FAILED text      instead of a result; the rest of the output is the stack
// Anything else is the engine's own talk, and is kept for the error message.

export class ResultLines {
  result: object | undefined;
  failure: string | undefined;
  readonly other: string[] = [];
  #rest = '';
  readonly #onProgress: (text: string) => void;

  constructor(onProgress: (text: string) => void = () => {}) {
    this.#onProgress = onProgress;
  }

  get finished(): boolean {
    return this.result !== undefined || this.failure !== undefined;
  }

  /** Takes a piece of the output; lines may be cut anywhere. */
  push(piece: string): void {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.line(line);
  }

  /** What came after the last newline is a line too. */
  end(): void {
    if (this.#rest !== '') this.line(this.#rest);
    this.#rest = '';
  }

  line(raw: string): void {
    const line = raw.replace(/\r$/, '');
    if (line.startsWith('PROGRESS ')) this.#onProgress(line.slice(9));
    else if (line.startsWith('FAILED')) this.failure ??= line.slice(6).trim() || 'no reason given';
    else if (line.startsWith('RESULT ')) this.#take(line.slice(7));
    else if (line.trim() !== '') this.other.push(line);
  }

  #take(text: string): void {
    if (this.result !== undefined) {
      this.failure ??= 'the program printed RESULT twice';
      return;
    }
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
      this.result = value;
    } catch (error) {
      this.failure ??= `RESULT is not a JSON object (${(error as Error).message}): ${text.slice(0, 80)}`;
    }
  }
}
