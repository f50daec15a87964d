// How far to go along a direction of descent: the line search of Hager & Zhang, "A new conjugate gradient method with
// guaranteed descent and an efficient line search", SIAM J. Optim. 16 (2005) 170-192, section 4 (conditions T1, T2; the
// interval updates U0 to U3; the secant² step).
//
// Why this one: near the optimum f changes by less than its last bit, and a search that compares values of f (Nocedal &
// Wright, Algorithms 3.5 and 3.6) is lost at about half of float64's digits. This one then decides by slopes, which
// keep theirs, and the optimum is found to nearly all of them.

export interface Point {
  readonly step: number;
  /** f there. */
  readonly value: number;
  /** The derivative along the direction there. */
  readonly slope: number;
}

/** Sufficient decrease, and curvature: 0 < DELTA < 1/2 < SIGMA < 1. */
const DELTA = 0.1;
const SIGMA = 0.9;
/** By how much of |f| a value may rise and count as equal. */
const EPSILON = 1e-10;
/** An interval that shrank by less than this factor is halved. */
const GAMMA = 0.66;
const EXPAND = 5;
const MOST_EVALUATIONS = 60;

/**
 * @param start step 0; its slope is negative
 * @param first the step that is tried first
 * @param at evaluates f and its slope at a step; the accepted step is the last that it was asked for
 * @returns a point that satisfies the Wolfe conditions, or their approximation where f cannot tell; null if rounding
 *   leaves none to be found
 */
export function lineSearch(start: Point, first: number, at: (step: number) => Point): Point | null {
  const highest = start.value + EPSILON * Math.abs(start.value);
  let evaluations = 0;
  let found: Point | null = null;

  /** Whether the search is over. */
  const isGood = ({ step, value, slope }: Point): boolean => {
    if (!(slope >= SIGMA * start.slope)) return false;
    if (value - start.value <= DELTA * step * start.slope) return true; // T1: Wolfe
    return value <= highest && slope <= (2 * DELTA - 1) * start.slope; // T2: approximate Wolfe
  };
  const evaluate = (step: number): Point => {
    evaluations++;
    const point = at(step);
    if (isGood(point)) found = point;
    return point;
  };
  const isOver = (): boolean => found !== null || evaluations >= MOST_EVALUATIONS;
  /**
   * Downhill and not higher than the start: the left end of an interval. Beyond float64's range (NaN, Infinity) nothing
   * is.
   */
  const isLeft = ({ value, slope }: Point): boolean => slope < 0 && value <= highest;
  const isRight = ({ slope }: Point): boolean => slope >= 0;

  // U3: from an interval whose right end goes downhill but is too high to one whose right end goes uphill
  const narrow = (left: Point, right: Point): [Point, Point] => {
    while (!isOver()) {
      const middle = evaluate((left.step + right.step) / 2);
      if (isRight(middle)) return [left, middle];
      if (isLeft(middle)) left = middle;
      else right = middle;
    }
    return [left, right];
  };
  const update = ([left, right]: [Point, Point], step: number): [Point, Point] => {
    if (isOver() || !(step > left.step && step < right.step)) return [left, right]; // U0
    const point = evaluate(step);
    if (isRight(point)) return [left, point]; // U1
    if (isLeft(point)) return [point, right]; // U2
    return narrow(left, point); // U3
  };
  const secant = (a: Point, b: Point): number => (a.step * b.slope - b.step * a.slope) / (b.slope - a.slope);
  const secant2 = (from: [Point, Point]): [Point, Point] => {
    const step = secant(...from);
    const to = update(from, step);
    if (isOver()) return to;
    if (step === to[1].step) return update(to, secant(from[1], to[1]));
    if (step === to[0].step) return update(to, secant(from[0], to[0]));
    return to;
  };

  // [1] an interval in which there is a minimum
  let left = start;
  let point = evaluate(first);
  while (!isOver() && isLeft(point)) {
    left = point;
    point = evaluate(point.step * EXPAND);
  }
  let interval: [Point, Point] = isOver() ? [left, point] : isRight(point) ? [left, point] : narrow(left, point);
  // [2] narrower and narrower
  while (!isOver()) {
    const width = interval[1].step - interval[0].step;
    interval = secant2(interval);
    if (!isOver() && !(interval[1].step - interval[0].step <= GAMMA * width)) {
      const middle = (interval[0].step + interval[1].step) / 2;
      if (!(middle > interval[0].step && middle < interval[1].step)) return null; // no float64 number is between
      interval = update(interval, middle);
    }
  }
  return found;
}
