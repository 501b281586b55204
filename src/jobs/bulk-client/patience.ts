/**
 * How long to wait before asking again: what the server says, or longer each time.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 *
 * Invariant: never sooner than the server asks for, as far as an hour; never without a pause; never for ever.
 */
import type { Clock } from '../../base/clock.js';
import { FetchError, type FetchErrorKind } from '../../net/fetch-error.js';
import type { Fetched } from '../../net/fetcher.js';
import { ExportProblem } from './problem.js';

export interface Patience {
  readonly clock: Clock;
  readonly pause: (milliseconds: number) => Promise<void>;
  /** From 0 to 1: spreads what would come back at once. */
  readonly random: () => number;
  /** Told before a pause that something went wrong for: a line for people. */
  readonly told: (line: string) => void;
}

const SECOND = 1_000;
/** Begins with the day of the week; what Date.parse takes besides is none. */
const HTTP_DATE = /^[A-Z][a-z]+,? /;
const SHORTEST = SECOND;
const LONGEST_ASKED = 3_600 * SECOND;
const LONGEST_OWN = 30 * SECOND;
/** Answers or failures in a row that bring nothing new. */
export const MOST_TRIES = 8;

/** The host is there and asks for patience, or what stands before it does. */
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const PASSING: ReadonlySet<FetchErrorKind> = new Set<FetchErrorKind>([
  'failed',
  'timed-out',
  'busy',
  'resting',
]);

export function asksForPatience(status: number): boolean {
  return TRY_AGAIN.has(status);
}

/** Something that may go away by itself. */
export function isPassing(error: unknown): error is FetchError {
  return error instanceof FetchError && PASSING.has(error.kind);
}

/** What `Retry-After` says in milliseconds: seconds or a date. Undefined where it says nothing. */
export function askedWait(retryAfter: string | undefined, clock: Clock): number | undefined {
  if (retryAfter === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(retryAfter.trim()) ? Number(retryAfter) * SECOND : undefined;
  const wait = seconds ?? (HTTP_DATE.test(retryAfter) ? Date.parse(retryAfter) - clock.now() : Number.NaN);
  if (Number.isNaN(wait)) return undefined;
  return Math.min(Math.max(wait, SHORTEST), LONGEST_ASKED);
}

/** Doubles each time; between half of it and all of it. `tried` counts from 0. */
export function ownWait(tried: number, { random }: Pick<Patience, 'random'>): number {
  const most = Math.min(SHORTEST * 2 ** tried, LONGEST_OWN);
  return Math.max(SHORTEST, most * (0.5 + random() / 2));
}

export interface Trying {
  /** What is done, for people: `asking for a token`. */
  readonly what: string;
  /** It may be done again where nobody knows what came of it. */
  readonly repeatable: boolean;
}

/** Asks until there is an answer that does not ask for patience; the last answer or failure where there is none. */
export async function patiently(
  { what, repeatable }: Trying,
  ask: () => Promise<Fetched>,
  patience: Patience,
): Promise<Fetched> {
  for (let tried = 0; ; tried++) {
    const isLast = tried + 1 >= MOST_TRIES;
    const answer = await ask().catch((error: unknown) => {
      if (!isPassing(error)) throw asProblem(error, what);
      if (!repeatable || isLast) throw asProblem(error, what);
      return error;
    });
    if (!(answer instanceof FetchError) && (isLast || !asksForPatience(answer.status))) return answer;
    const isAnswer = !(answer instanceof FetchError);
    const asked = isAnswer ? askedWait(answer.headers['retry-after'], patience.clock) : undefined;
    if (isAnswer) answer.discard();
    const wait = asked ?? ownWait(tried, patience);
    const why = isAnswer ? `the server asks for patience (${answer.status})` : answer.message;
    patience.told(`${what}: ${why.replace(/\.$/, '')}; trying again in ${Math.ceil(wait / SECOND)} s`);
    await patience.pause(wait);
  }
}

function asProblem(error: unknown, what: string): unknown {
  if (!(error instanceof FetchError)) return error;
  return new ExportProblem(`${what}: ${error.message}`, { cause: error });
}
