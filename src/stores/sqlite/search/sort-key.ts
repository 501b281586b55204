/**
 * The value by which a match is sorted, as an SQL expression: the least of a resource's values ascending, the greatest
 * descending, null where it has none.
 *
 * Invariant: agrees with `sortKeyOf` in fhir/search/sort-key.ts.
 */
import type { IndexValue } from '../../../fhir/search/index-value.js';
import type { Candidate } from '../../../fhir/search/match.js';
import type { SortKey } from '../../../fhir/search/query.js';
import { sortKeyOf } from '../../../fhir/search/sort-key.js';
import type { Position } from '../../../ports/backend.js';
import { NO_DATE, VERSION_TYPE } from '../catalogue.js';
import type { Cell } from '../connection.js';
import { entryOf, entryPath } from './entry-test.js';
import { type Fragment, raw, sql } from './fragment.js';
import type { Order } from './order.js';
import type { Scope } from './scope.js';

export function sortExpression(scope: Scope, type: string, key: SortKey, rid: Fragment): Fragment {
  if (key.param === '_id') return sql`(SELECT id FROM resource WHERE rid = ${rid})`;
  if (key.param === '_lastUpdated') return sql`(SELECT last_updated FROM resource WHERE rid = ${rid})`;
  const param = scope.param(type, key.param);
  if (param === undefined) return sql`NULL`;
  const least = raw(key.descending ? 'max' : 'min');
  const rows = sql`json_each(${entryOf(rid)}, ${entryPath(param.id)}) j`;
  switch (key.kind) {
    case 'string':
    case 'date':
    case 'number':
    case 'quantity':
      return sql`(SELECT ${least}(j.value ->> 0) FROM ${rows})`;
    case 'token':
    case 'uri':
      return sql`(SELECT ${least}(t.code) FROM ${rows} JOIN term t ON t.id = j.value)`;
    case 'reference':
      return sql`(SELECT ${least}(iif(y.name = '', t.id, y.name || '/' || t.id))
        FROM ${rows} JOIN resource t ON t.rid = j.value JOIN type y ON y.id = t.type AND y.name <> ${VERSION_TYPE})`;
  }
}

/** The keys of a match by its values: the same as SQL finds, for a version that the index does not know. */
export function keysOf(
  order: Order,
  match: Candidate & { readonly rid: number; readonly position: Position },
  primaryDate: string | undefined,
): readonly Cell[] {
  const { identity, values, position, rid } = match;
  switch (order.kind) {
    case 'date':
      return [sortDate(values, primaryDate), rid];
    case 'position':
      return [position, rid];
    case 'stored':
      return [rid];
    case 'computed':
      return [...order.keys.map((key) => sortKeyOf(values, identity, key) ?? null), rid];
  }
}

function sortDate(values: readonly IndexValue[], primaryDate: string | undefined): number {
  if (primaryDate === undefined) return 0;
  return values
    .filter((value) => value.kind === 'date')
    .filter(({ param }) => param === primaryDate)
    .reduce((least, { lo }) => Math.min(least, lo), NO_DATE);
}
