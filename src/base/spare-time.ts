/**
 * When work that can wait may go on: in the time that the process has to spare, step by step.
 *
 * A process that is busy all the time rests a hundred times as long as a step took before the next one, one that is busy for half of
 * its time a quarter of that, an idle one not at all. So what waits is never forgotten and slows nothing down.
 */
import type { Usage } from './clock.js';

const REST_WHEN_BUSY = 100;

export class SpareTime {
  readonly #usage: () => Usage;
  #took = 0;
  /** When the last step had ended, or something began to wait. */
  #then: Usage;

  constructor(usage: () => Usage) {
    this.#usage = usage;
    this.#then = usage();
  }

  /** A step has just ended that took so many milliseconds. */
  stepped(milliseconds: number): void {
    this.#took = milliseconds;
    this.#then = this.#usage();
  }

  /** Something waits where nothing did: how busy the process is counts from now on, not from when it was idle. */
  begins(): void {
    this.#then = this.#usage();
  }

  /** Whether it has rested for long enough. */
  isDue(): boolean {
    const { ran, worked } = this.#usage();
    const rested = ran - this.#then.ran;
    // One processor's time counts as all there is.
    const busy = Math.min(1, (worked - this.#then.worked) / Math.max(1, rested));
    return rested >= this.#took * REST_WHEN_BUSY * busy ** 2;
  }
}
