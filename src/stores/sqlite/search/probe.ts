/**
 * A predicate as an SQL condition on one row whose rid and sort date are known: every part of it is a look-up.
 *
 * Invariant: the condition is true or false, never null, so that `not` is its complement; what the access filter
 * hides is not there on any type that a chain or `_has` touches.
 */

import { unreachable } from '../../../base/assert.js';
import type { DateTest, Predicate, ValueTest } from '../../../fhir/search/query.js';
import { unresolved } from '../../../fhir/search/tree.js';
import { NO_DATE, type Param } from '../catalogue.js';
import { PRESENT } from '../index-rows.js';
import { chainProbe, hasProbe } from './chain-probe.js';
import { entryOf, entryPath, someRow, someRowPasses } from './entry-test.js';
import { and, FALSE, type Fragment, not, oneOf, or, sql, TRUE } from './fragment.js';
import { groupKeys, isKeyTest, type KeySet, keySet } from './key-set.js';
import { lowerEndWindow, rangeCondition, within } from './range-test.js';
import type { Scope } from './scope.js';
import { isWordsParam, wordsProbe } from './words-test.js';

/** Expressions for a row's rid and sort date. */
export interface RowNames {
  readonly rid: Fragment;
  readonly date: Fragment;
}

export function probe(outer: Scope, type: string, predicate: Predicate, row: RowNames): Fragment {
  const scope = outer.scopeOf(predicate);
  switch (predicate.op) {
    case 'everything':
      return TRUE;
    case 'nothing':
      return FALSE;
    case 'and':
      return andProbe(scope, type, predicate.of, row);
    case 'or':
      return orProbe(scope, type, predicate.of, row);
    case 'not':
      return not(probe(scope, type, predicate.of, row));
    case 'id':
      return oneOf(row.rid, rids(scope, type, predicate.ids));
    case 'last-updated': {
      const time = sql`(SELECT last_updated FROM resource WHERE rid = ${row.rid})`;
      return rangeCondition(predicate.test, time, time);
    }
    case 'value':
      return valueProbe(scope, type, predicate.param, predicate.test, row);
    case 'absent': {
      const param = scope.param(type, predicate.param);
      if (param === undefined) return TRUE;
      if (scope.primaryDate(type)?.id === param.id) return sql`${row.date} = ${NO_DATE}`;
      if (scope.isPresenceKept(param)) return not(keyProbe(param, PRESENCE, row, scope));
      return sql`json_type(${entryOf(row.rid)}, ${entryPath(param.id)}) IS NULL`;
    }
    case 'chain':
      return chainProbe(scope, type, predicate, row);
    case 'has':
      return hasProbe(scope, type, predicate, row);
    case 'compartment': {
      const rid = scope.rid(predicate.name, predicate.id);
      const values = rid === undefined ? [] : [rid];
      return keyProbe(scope.param(type, `@${predicate.name}`), { kind: 'listed', values }, row, scope);
    }
    case 'named-set':
      return unresolved(predicate);
    default:
      return unreachable(predicate);
  }
}

/** What comes after a member that nothing passes is not made: making a chain's condition looks things up. */
function andProbe(scope: Scope, type: string, of: readonly Predicate[], row: RowNames): Fragment {
  const conditions: Fragment[] = [];
  for (const one of of) {
    const condition = probe(scope, type, one, row);
    if (condition === FALSE) return FALSE;
    conditions.push(condition);
  }
  return and(conditions);
}

/** Alternative keys of one parameter are one look-up. */
function orProbe(scope: Scope, type: string, of: readonly Predicate[], row: RowNames): Fragment {
  const { keys, others } = groupKeys(scope, of);
  return or([
    ...[...keys].map(([param, values]) =>
      keyProbe(scope.param(type, param), { kind: 'listed', values }, row, scope),
    ),
    ...others.map((one) => probe(scope, type, one, row)),
  ]);
}

/** Rids of ids of a type; those that were never stored have none. */
export function rids({ catalogue }: Scope, type: string, ids: readonly string[]): readonly number[] {
  return ids.map((id) => catalogue.rid(type, id)).filter((rid) => rid !== undefined);
}

function valueProbe(scope: Scope, type: string, code: string, test: ValueTest, row: RowNames): Fragment {
  if (test.kind === 'words') return isWordsParam(code, type) ? wordsProbe(scope, code, test, row.rid) : FALSE;
  const param = scope.param(type, code);
  if (param === undefined) return FALSE;
  if (isKeyTest(test)) return keyProbe(param, keySet(scope, test), row, scope);
  const exact = someRowPasses(scope, row.rid, param, test);
  const primary = scope.primaryDate(type);
  return test.kind === 'date' && primary?.id === param.id ? primaryDateProbe(test, param, row, exact) : exact;
}

/** With few keys, exact look-ups in the index; else the resource's own rows are gone through. */
export function keyProbe(param: Param | undefined, keys: KeySet, row: RowNames, scope: Scope): Fragment {
  if (param === undefined) return FALSE;
  if (keys.kind === 'listed' && keys.values.length <= LOOK_UPS) {
    if (keys.values.length === 0) return FALSE;
    return sql`EXISTS (SELECT 1 FROM key_index WHERE param = ${param.id} AND ${oneOf(sql`value`, keys.values)}
      AND date = ${row.date} AND rid = ${row.rid})`;
  }
  return someRow(scope, row.rid, param, (value) =>
    keys.kind === 'listed'
      ? oneOf(value, keys.values)
      : sql`EXISTS (SELECT 1 FROM term t WHERE t.id = ${value} AND ${keys.condition})`,
  );
}

const LOOK_UPS = 8;
const PRESENCE: KeySet = { kind: 'listed', values: [PRESENT] };

/**
 * The sort date is the lower end of the primary date: most rows are decided by it, as no range is longer than the
 * parameter's greatest span; only those near the edge are looked at exactly.
 */
function primaryDateProbe(test: DateTest, param: Param, { date }: RowNames, exact: Fragment): Fragment {
  const dated = sql`${date} <> ${NO_DATE}`;
  const shortest = rangeCondition(test, date, date);
  switch (test.prefix) {
    case 'lt':
    case 'le':
    case 'sa':
      return and([dated, shortest]);
    case 'ge':
    case 'gt':
    case 'overlaps':
    case 'includes':
      // True with the shortest range: true with any.
      return and([dated, within(date, lowerEndWindow(test, param.maxSpan)), or([shortest, exact])]);
    case 'eq':
    case 'eb':
    case 'ne': {
      if (param.maxSpan === Number.POSITIVE_INFINITY) return exact;
      const longest = rangeCondition(test, date, sql`(${date} + ${param.maxSpan})`);
      if (test.prefix === 'ne') return and([dated, or([rangeCondition(test, date, date), exact])]);
      return and([dated, within(date, lowerEndWindow(test, param.maxSpan)), or([longest, exact])]);
    }
  }
}
