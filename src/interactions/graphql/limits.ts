/**
 * How much one GraphQL request may ask for and be given.
 *
 * Invariant: what is over a limit is refused with the limit's number, as a whole; nothing is cut. A query is measured
 * before anything is read, its answer while it grows.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { Context } from '../context.js';

/** Of the document, before it is parsed. */
export const MAX_TOKENS = 20_000;
export const MAX_BRACKETS = 64;
/** Of the operation, its fragments put in place. */
export const MAX_DEPTH = 20;
export const MAX_FIELDS = 2000;

const MAX_READS = 1000;
const MAX_SEARCHES = 200;
const MAX_RESOURCES = 5000;
const MAX_BYTES = 64 * 1024 * 1024;
/** In characters, about. */
const MAX_ANSWER = 20_000_000;

export function tooCostly(reason: string): Refusal {
  const text = `The query ${reason}.`;
  return new Refusal('invalid-parameter', [{ severity: 'error', code: 'too-costly', text }]);
}

export function isTooCostly(error: unknown): boolean {
  return error instanceof Refusal && error.issues.some(({ code }) => code === 'too-costly');
}

export class Budget {
  #reads = 0;
  #searches = 0;
  #resources = 0;
  #bytes = 0;
  #answer = 0;

  constructor(private readonly context: Context) {}

  read(): void {
    this.inTime();
    if (++this.#reads > MAX_READS)
      throw tooCostly(`follows more than ${MAX_READS} references: ask for fewer at once`);
    this.resources(1);
  }

  search(): void {
    this.inTime();
    if (++this.#searches > MAX_SEARCHES) {
      throw tooCostly(`makes more than ${MAX_SEARCHES} searches: ask for fewer lists, or on fewer resources`);
    }
  }

  resources(count: number): void {
    this.#resources += count;
    if (this.#resources > MAX_RESOURCES) {
      throw tooCostly(
        `reads more than ${MAX_RESOURCES} resources: narrow its searches, or take pages by a Connection`,
      );
    }
  }

  /** Of resources, which are kept while the query is carried out. */
  bytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > MAX_BYTES) {
      throw tooCostly(`reads resources of more than ${MAX_BYTES} bytes: narrow its searches`);
    }
  }

  answer(characters: number): void {
    this.#answer += characters;
    if (this.#answer > MAX_ANSWER) {
      throw tooCostly(
        `has an answer of more than ${MAX_ANSWER} characters: choose fewer fields or resources`,
      );
    }
  }

  inTime(): void {
    const { clock, deadline } = this.context;
    if (clock.now() < deadline) return;
    throw new Refusal('too-costly', 'The query takes longer than a request may: ask for less at once.');
  }

  /** What a search may take is never more than what is left for the whole request. */
  timeLeft(): number {
    const { settings, clock, deadline } = this.context;
    return Math.max(1, Math.min(settings.searchTimeLimit, deadline - clock.now()));
  }
}
