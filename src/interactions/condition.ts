/**
 * Criteria of conditional interactions: If-None-Exist, `PUT Type?…`, `PATCH Type?…`, `DELETE Type?…`.
 * https://hl7.org/fhir/R4/http.html#cond-update
 *
 * Invariant: criteria are never empty — they would name everything — and every one of them is understood.
 */
import { Refusal } from '../fhir/outcome.js';
import { parseCondition } from '../fhir/search/parse-search.js';
import type { Predicate } from '../fhir/search/query.js';
import type { Context } from './context.js';
import { FORM_PARAMETERS } from './negotiation.js';
import type { FhirRequest, QueryPair } from './request.js';

/** The criteria in a request's own query. */
export function requestCondition(request: FhirRequest, type: string, context: Context): Predicate {
  const criteria = request.query.filter((pair) => !FORM_PARAMETERS.has(pair[0]));
  return condition(criteria, type, context, `${request.method} [base]/${type}`);
}

/** The criteria of If-None-Exist: `identifier=system|value`, also with a `?` or `Type?` before it. */
export function headerCondition(header: string, type: string, context: Context): Predicate {
  return criteriaOf(header.replace(/^[A-Za-z]*\?/, ''), type, context, 'If-None-Exist');
}

/** Criteria as text: `identifier=system|value`. `place` says where they stand. */
export function criteriaOf(query: string, type: string, context: Context, place: string): Predicate {
  return condition([...new URLSearchParams(query)], type, context, place);
}

function condition(criteria: readonly QueryPair[], type: string, context: Context, place: string): Predicate {
  if (criteria.every((pair) => pair[1] === '')) {
    throw new Refusal(
      'malformed-request',
      `${place} needs search criteria that name one ${type}, such as identifier=system|value.`,
    );
  }
  const { knowledge, baseUrl, clock } = context;
  return parseCondition(knowledge.definitions, type, criteria, { baseUrl, now: clock.now() });
}

/** 412: the criteria name several. */
export function ambiguous(type: string): Refusal {
  return new Refusal(
    'condition-ambiguous',
    `The criteria match more than one ${type}: send criteria that only one of them meets.`,
  );
}
