// A check is a sentence and a function that takes an implementation and throws where it is wrong. The tests of src/ops run the checks on the operations,
// the tests of the tests on planted wrong ones, and whoever writes another executor on that.

export type Checks<Operation> = Record<string, (operation: Operation) => void>;

/** The sentences of the checks that an implementation fails. */
export function failing<Operation>(checks: Checks<Operation>, operation: Operation): string[] {
  return Object.entries(checks).filter(([, check]) => {
    try {
      check(operation);
      return false;
    } catch {
      return true;
    }
  }).map(([sentence]) => sentence);
}
