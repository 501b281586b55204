/**
 * The memory that bodies of requests under way may take together: many large bodies at once must not be what ends the
 * process.
 *
 * Invariant: a share is given back when its request is answered; a body that is alone always finds room, whatever the
 * budget, for its own limit is another one.
 */
import { Refusal } from '../fhir/outcome.js';

const RETRY_SECONDS = '2';

export class BodyBudget {
  readonly #limit: number;
  #held = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A request's share, empty at first. */
  share(): BodyShare {
    let own = 0;
    return {
      take: (bytes) => {
        const others = this.#held - own;
        if (others > 0 && this.#held + bytes > this.#limit) throw full();
        own += bytes;
        this.#held += bytes;
      },
      end: () => {
        this.#held -= own;
        own = 0;
      },
    };
  }
}

export interface BodyShare {
  /** Refuses with 503 where the others leave no room. */
  take(bytes: number): void;
  end(): void;
}

function full(): Refusal {
  return new Refusal(
    'unavailable',
    'The bodies of other requests take all the memory that is for them: send this one again in a moment.',
    { 'retry-after': RETRY_SECONDS },
  );
}
