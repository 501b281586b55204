/** Time arrives as an argument, so that tests can hold it still. Milliseconds since 1970 (UTC). */
export interface Clock {
  now(): number;
}

/** In milliseconds: how long a process has run, and how long its threads have worked, taken together. */
export interface Usage {
  readonly ran: number;
  readonly worked: number;
}

export function processUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return { ran: performance.now(), worked: (user + system) / 1000 };
}

export const systemClock: Clock = { now: () => Date.now() };
