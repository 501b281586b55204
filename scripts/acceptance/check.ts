/** Counts what held and what did not, and says each thing that did not. */
export interface Check {
  equal<T>(actual: T, expected: T, what: string): void;
  readonly passed: number;
  readonly failed: number;
}

export function makeCheck(): Check {
  let [passed, failed] = [0, 0];
  return {
    equal: (actual, expected, what) => {
      if (actual === expected) {
        passed++;
        return;
      }
      failed++;
      console.error(`FAILED ${what}: expected ${String(expected)}, found ${String(actual)}`);
    },
    get passed() {
      return passed;
    },
    get failed() {
      return failed;
    },
  };
}
