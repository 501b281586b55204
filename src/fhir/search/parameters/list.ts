/**
 * `_list=42,43`: what the entries of a List refer to.
 * https://hl7.org/fhir/R4/search.html#list
 *
 * Invariant: a list that the caller may not see lets nothing through.
 */
import type { Found } from './modifiers.js';
import { malformed, Problem } from './problem.js';
import { ID } from './row-parameters.js';

export function readList(_type: string, value: string): Found {
  const ids = value.split(',');
  if (ids.some((id) => id.startsWith('$'))) {
    const reason =
      'names a functional list: lists like $current-problems are not kept here, name a List by its id';
    return [new Problem('essential', reason)];
  }
  if (!ids.every((id) => ID.test(id))) {
    return [malformed('is no id of a List: ids are up to 64 letters, digits, - and ., without the type')];
  }
  const where = { op: 'id', ids: [...new Set(ids)] } as const;
  return { op: 'has', param: 'item', source: { type: 'List', where } };
}
