// A check is a sentence and a function that takes an implementation and throws where it is wrong. The tests of src/ops
// run the checks on the operations, the tests of the tests on planted wrong ones, and whoever writes another executor
// on that.

export type Checks<Operation> = Record<string, (operation: Operation) => void>;

/** The first check that an implementation fails, with what it said, or null. */
export function firstFailing<Operation>(checks: Checks<Operation>, operation: Operation): string | null {
  for (const [sentence, check] of Object.entries(checks)) {
    try {
      check(operation);
    } catch (error) {
      return `${sentence}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return null;
}
