/**
 * How much may be under way to one host at once, and leaving a host alone that keeps failing.
 *
 * Invariant: whoever entered leaves once, and says whether the host worked. After a rest one request tries; the others go
 * on waiting for what it finds.
 */
import type { Clock } from '../base/clock.js';
import { FetchError } from './fetch-error.js';

export interface GateLimits {
  /** Requests under way to a host. */
  readonly atOnce: number;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  /** So many failures one after the other, and the host is left alone … */
  readonly failures: number;
  /** … for so many milliseconds. */
  readonly rest: number;
}

export const USUAL_LIMITS: GateLimits = { atOnce: 8, waiting: 64, failures: 5, rest: 30_000 };

/** Says how it went: `worked` also where the answer was not what was hoped for. */
export type Leave = (how: 'worked' | 'failed') => void;

export class HostGate {
  readonly #limits: GateLimits;
  readonly #clock: Clock;
  readonly #queue: (() => void)[] = [];
  #inside = 0;
  #failures = 0;
  #restsUntil = 0;

  constructor(limits: GateLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get isIdle(): boolean {
    return this.#inside === 0 && this.#queue.length === 0;
  }

  /** Throws FetchError `busy`, `resting`, or the signal's reason. */
  async enter(host: string, signal: AbortSignal): Promise<Leave> {
    this.#checkRest(host);
    if (this.#inside >= this.#room) {
      if (this.#queue.length >= this.#limits.waiting) {
        throw new FetchError('busy', `Too many requests to ${host} are waiting already.`);
      }
      await this.#turn(signal);
    } else this.#inside += 1;
    return this.#leave();
  }

  /** A host that failed often is tried by one at a time. */
  get #room(): number {
    return this.#failures >= this.#limits.failures ? 1 : this.#limits.atOnce;
  }

  #checkRest(host: string): void {
    if (this.#failures < this.#limits.failures || this.#clock.now() >= this.#restsUntil) return;
    throw new FetchError(
      'resting',
      `${host} has failed several times in a row and is left alone for a while.`,
    );
  }

  /** The place is handed over by whoever leaves. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      const give = (): void => {
        this.#queue.splice(this.#queue.indexOf(go), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', give, { once: true });
      this.#queue.push(go);
    });
  }

  #leave(): Leave {
    let left = false;
    return (how) => {
      if (left) return;
      left = true;
      if (how === 'worked') this.#failures = 0;
      else {
        this.#failures += 1;
        if (this.#failures >= this.#limits.failures) this.#restsUntil = this.#clock.now() + this.#limits.rest;
      }
      this.#inside -= 1;
      while (this.#inside < this.#room && this.#queue.length > 0) {
        this.#inside += 1;
        this.#queue.shift()?.();
      }
    };
  }
}
