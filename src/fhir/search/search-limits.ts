/**
 * How large a search may be: bounds that no real one comes near, so that a hostile one costs no time to read.
 *
 * Invariant: what is over a limit is refused with the limit's number, never cut.
 */
import { Refusal } from '../outcome.js';
import type { SearchPair } from './parse-search.js';

/** Parameters in one search. */
const MAX_PARAMETERS = 500;

/** Criteria over all types searched: a search of every type multiplies each of its values by more than a hundred. */
const MAX_CRITERIA = 50_000;

/** Before anything is read; `types`: how many are searched. */
export function refuseTooMany(pairs: readonly SearchPair[], types: number): void {
  if (pairs.length > MAX_PARAMETERS) {
    throw tooCostly(`more than ${MAX_PARAMETERS} parameters: join alternatives of one by commas`);
  }
  refuseCriteria(pairs.reduce((sum, pair) => sum + criteriaIn(pair), 0) * types);
}

/** Alternatives of a value; of a `_filter`, what its connectives join. */
function criteriaIn([name, value]: SearchPair): number {
  return name.endsWith('_filter') ? value.split(/\b(?:and|or)\b/i).length : value.split(',').length;
}

export function refuseCriteria(criteria: number): void {
  if (criteria <= MAX_CRITERIA) return;
  throw tooCostly(
    `more than ${MAX_CRITERIA} criteria over all its types: search fewer values, or fewer types by _type`,
  );
}

function tooCostly(reason: string): Refusal {
  const text = `The search has ${reason}.`;
  return new Refusal('invalid-parameter', [{ severity: 'error', code: 'too-costly', text }]);
}
