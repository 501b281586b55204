/**
 * `_query=name`: a search that a server defines by an OperationDefinition. None is defined here.
 * https://hl7.org/fhir/R4/search.html#query
 */
import type { Found } from './modifiers.js';
import { Problem } from './problem.js';

export function readNamedQuery(): Found {
  const reason = 'names a query that is not defined here: there are no named queries, search by parameters';
  return [new Problem('essential', reason)];
}
