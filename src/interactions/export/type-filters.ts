/**
 * `_typeFilter`: searches on one type each, by all that a search knows; several on one type are joined by OR.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#_typefilter-query-parameter
 *
 * Invariant: criteria alone: what says how a result looks (_sort, _include …) is refused.
 */
import { type Issue, Refusal } from '../../fhir/outcome.js';
import { parseCondition } from '../../fhir/search/parse-search.js';
import type { Predicate } from '../../fhir/search/query.js';
import { anyOf } from '../../fhir/search/tree.js';
import type { Context } from '../context.js';
import { noted } from '../operation-parameters.js';
import { predicateResolver } from '../resolve-query.js';

/** Commas join filters where a type and a question mark follow; others belong to a value. */
const NEXT_FILTER = /,(?=[A-Z][A-Za-z]+\?)/;

/** `types`: as named by _type. Problems are added to the issues. */
export async function readTypeFilters(
  texts: readonly string[],
  types: readonly string[] | undefined,
  isLenient: boolean,
  issues: Issue[],
  context: Context,
): Promise<Readonly<Record<string, Predicate>>> {
  const found = new Map<string, Predicate[]>();
  const add = (text: string): void => {
    issues.push({ severity: 'error', code: 'invalid', text: `The parameter _typeFilter ${text}.` });
  };
  for (const text of texts.flatMap((one) => one.split(NEXT_FILTER))) {
    const mark = text.indexOf('?');
    const type = mark < 0 ? text : text.slice(0, mark);
    if (!context.knowledge.definitions.resourceTypes.has(type)) {
      add('is a search on a type, such as Observation?category=laboratory');
      continue;
    }
    if (types !== undefined && !types.includes(type)) {
      if (!isLenient) add(`is about ${type}, which _type does not name`);
      continue;
    }
    const where = await criteriaOf(type, mark < 0 ? '' : text.slice(mark + 1), issues, context);
    if (where !== undefined) found.set(type, [...(found.get(type) ?? []), where]);
  }
  return Object.fromEntries([...found].map(([type, filters]) => [type, anyOf(filters)]));
}

/** A search without its type and question mark, ready for a store; problems are added to the issues. */
export async function criteriaOf(
  type: string,
  criteria: string,
  issues: Issue[],
  context: Context,
): Promise<Predicate | undefined> {
  const { knowledge, baseUrl, clock } = context;
  const where = noted(issues, () =>
    parseCondition(knowledge.definitions, type, criteria, { baseUrl, now: clock.now() }),
  );
  if (where === undefined) return undefined;
  try {
    return await predicateResolver(context)(type, where);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status >= 500) throw error;
    issues.push(...error.issues);
    return undefined;
  }
}
