/** Time arrives as an argument, so that tests can hold it still. Milliseconds since 1970 (UTC). */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
