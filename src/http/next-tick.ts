/**
 * What `process.nextTick` makes keeps its hidden class. Node's answer to a request goes through several ticks, each an
 * object literal with computed keys; the engine makes those quickly only as long as the class that it saw first lives. A
 * collection of garbage at a moment when no tick is under way, as in any idle process, ends that class, and from then on
 * each tick took five times as long: a tenth of a read.
 *
 * Invariant: one object of that class lives as long as the process.
 */
import { executionAsyncResource } from 'node:async_hooks';

let kept: object | undefined;

/** Once per process that answers requests, early; resolves with the object. */
export function keepTicksQuick(): Promise<object> {
  return new Promise((resolve) => {
    process.nextTick(() => {
      kept ??= executionAsyncResource();
      resolve(kept);
    });
  });
}
