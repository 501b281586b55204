/**
 * The value by which a match is sorted, as an SQL expression: the least of a resource's values ascending, the greatest
 * descending, null where it has none.
 *
 * Invariant: agrees with `sortKeyOf` in fhir/search/match.ts.
 */
import type { SortKey } from '../../../fhir/search/query.js';
import { VERSION_TYPE } from '../catalogue.js';
import { entryOf, entryPath } from './entry-test.js';
import { type Fragment, raw, sql } from './fragment.js';
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
