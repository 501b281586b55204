/**
 * Whether a filter shows at least what another showed: for what was made under the one and is asked for under the other, such as
 * the files of an export.
 *
 * Invariant: fails closed. All of a type, or a predicate that says the same, in whatever order; the time at which Consents are asked
 * makes no difference, as long as they are asked. What cannot be compared counts as less.
 */
import { canonicalCondition } from '../fhir/search/canonical-condition.js';
import { type AccessFilter, visible } from '../ports/access-filter.js';
import { withoutTime } from './consents.js';

export function showsAtLeast(now: AccessFilter, then: AccessFilter, type: string): boolean {
  const shown = visible(now, type);
  if (shown.op === 'everything') return true;
  const text = (filter: AccessFilter) => canonicalCondition(type, withoutTime(visible(filter, type)));
  return text(now) === text(then);
}
