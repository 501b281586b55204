/**
 * Long work in short stretches: between two of them the event loop turns, so that other requests keep their latency.
 *
 * Invariant: work that asks `due()` once per entry holds the loop for little more than STRETCH.
 */
const STRETCH_MILLISECONDS = 5;

export interface Pace {
  /** Enough was done in one go: await `rest()` before the next entry. */
  due(): boolean;
  rest(): Promise<void>;
}

export function makePace(): Pace {
  let since = performance.now();
  return {
    due: () => performance.now() - since > STRETCH_MILLISECONDS,
    rest: () =>
      new Promise((resolve) => {
        setImmediate(() => {
          since = performance.now();
          resolve();
        });
      }),
  };
}
