// A progress bar on standard error, for work that takes longer than a second on a terminal.

import type { SingleBar } from 'cli-progress';
import { duration } from './numbers.ts';

const DELAY = 1000;

export interface ProgressOptions {
  /** What is counted: "images". */
  unit: string;
  /** null where it is not known. */
  total: number | null;
  /** Never shown. */
  quiet?: boolean;
  /** How a number is shown. */
  show?: (value: number) => string;
  /** Milliseconds before it appears. Default 1000. */
  delay?: number;
}

export class Progress {
  readonly #bar: SingleBar | null;
  readonly #options: { unit: string };
  readonly #began = performance.now(); // no clock that someone may set
  readonly #delay: number;
  #total: number | null;
  #shown = false;

  private constructor(bar: SingleBar | null, options: ProgressOptions) {
    const { total, delay = DELAY } = options;
    this.#bar = bar;
    this.#options = options;
    this.#total = total;
    this.#delay = delay;
  }

  static async create(given: ProgressOptions): Promise<Progress> {
    const options = { ...given };
    if (options.quiet || !process.stderr.isTTY) return new Progress(null, options);
    const { SingleBar, Presets } = (await import('cli-progress')).default;
    const show = options.show ?? String;
    const bar = new SingleBar(
      {
        stream: process.stderr,
        clearOnComplete: true,
        barsize: 30,
        etaBuffer: 50,
        // The terminal is left as it is, so that nothing has to be put right after Ctrl-C; its own handler would only
        // stop the bar and go on.
        hideCursor: false,
        linewrap: true,
        gracefulExit: false,
        format: (barOptions, params) => {
          const { total } = params;
          if (total === 0) return `${show(params.value)} ${options.unit}`;
          const full = Math.round(30 * Math.min(1, params.progress));
          const eta = Number.isFinite(params.eta) && params.value > 0 ? `, ${duration(params.eta)} left` : '';
          return (
            `${(barOptions.barCompleteString ?? '').slice(0, full)}${(barOptions.barIncompleteString ?? '').slice(0, 30 - full)} ` +
            '' +
            '' +
            `${Math.floor(params.progress * 100)} %  ${show(params.value)} of ${show(total)} ${options.unit}${eta}`
          );
        },
      },
      Presets.shades_classic,
    );
    return new Progress(bar, options);
  }

  /** Shows that `done` of `total` are done. */
  update(done: number, total = this.#total): void {
    this.#total = total;
    if (this.#bar === null) return;
    if (!this.#shown) {
      if (performance.now() - this.#began < this.#delay) return;
      this.#shown = true;
      this.#bar.start(total ?? 0, done);
      return;
    }
    if (total !== null) this.#bar.setTotal(total);
    this.#bar.update(done);
  }

  /** Counts something else from now on, starting at 0. */
  next(unit: string): void {
    this.stop();
    this.#options.unit = unit;
    this.#total = null;
  }

  /** Takes the bar away. */
  stop(): void {
    if (this.#shown) this.#bar!.stop();
    this.#shown = false;
  }
}
