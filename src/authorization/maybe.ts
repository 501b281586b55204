/** Goes on at once where there is nothing to wait for: a request pays for a promise only where a store needs one. */
import type { MaybePromise } from '../ports/backend.js';

export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
