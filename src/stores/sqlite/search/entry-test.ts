/**
 * Tests on the rows that are kept beside a resource (`index_entry`), for parameters that the driving index does not
 * tell. The forms of rows are drawn in index-rows.ts.
 */
import type { QuantityTest, StringTest, ValueTest } from '../../../fhir/search/query.js';
import { and, FALSE, type Fragment, oneOf, or, raw, sql, TRUE } from './fragment.js';
import { isKeyTest, type KeySet, keySet } from './key-set.js';
import { rangeCondition } from './range-test.js';
import type { Scope } from './scope.js';

/** The rows of a resource as JSON. */
export function entryOf(rid: Fragment): Fragment {
  return sql`(SELECT rows FROM index_entry WHERE rid = ${rid})`;
}

export function entryPath(param: number): string {
  return `$."${param}"`;
}

/** Some row of the parameter passes the condition, which speaks of the row as an SQL expression. */
export function someRow(
  scope: Scope,
  rid: Fragment,
  param: number,
  condition: (row: Fragment) => Fragment,
): Fragment {
  return someElement(scope, entryOf(rid), entryPath(param), condition);
}

function someElement(
  scope: Scope,
  json: Fragment,
  path: string,
  condition: (row: Fragment) => Fragment,
): Fragment {
  const alias = scope.alias();
  const test = condition(raw(`${alias}.value`));
  if (test === FALSE) return FALSE;
  return sql`EXISTS (SELECT 1 FROM json_each(${json}, ${path}) ${raw(alias)} WHERE ${test})`;
}

/** One row passes the test. */
export function rowCondition(scope: Scope, test: ValueTest, row: Fragment): Fragment {
  if (isKeyTest(test)) return keyCondition(keySet(scope, test), row);
  switch (test.kind) {
    case 'date':
    case 'number':
      return rangeCondition(test, sql`(${row} ->> 0)`, sql`(${row} ->> 1)`);
    case 'quantity':
      return and([
        rangeCondition(test, sql`(${row} ->> 0)`, sql`(${row} ->> 1)`),
        unitCondition(scope, test, row),
      ]);
    case 'string':
      return stringCondition(test, sql`(${row} ->> 0)`, sql`(${row} ->> 1)`);
    case 'composite':
      return and(
        test.components.map((component, at) =>
          someElement(scope, row, `$[${at}]`, (part) => rowCondition(scope, component, part)),
        ),
      );
  }
}

export function keyCondition(keys: KeySet, value: Fragment): Fragment {
  if (keys.kind === 'listed') return oneOf(value, keys.values);
  return sql`EXISTS (SELECT 1 FROM term t WHERE t.id = ${value} AND ${keys.condition})`;
}

export function stringCondition(test: StringTest, folded: Fragment, exact: Fragment): Fragment {
  switch (test.mode) {
    case 'starts':
      return sql`substr(${folded}, 1, ${[...test.value].length}) = ${test.value}`;
    case 'contains':
      return sql`instr(${folded}, ${test.value}) > 0`;
    case 'exact':
      return sql`${exact} = ${test.value}`;
  }
}

function unitCondition({ catalogue }: Scope, { system, code }: QuantityTest, row: Fragment): Fragment {
  if (code === undefined) return TRUE;
  const codeId = catalogue.text(code);
  if (codeId === undefined) return FALSE;
  if (system === undefined)
    return or([oneOf(sql`(${row} ->> 3)`, [codeId]), oneOf(sql`(${row} ->> 4)`, [codeId])]);
  const systemId = catalogue.text(system);
  if (systemId === undefined) return FALSE;
  return and([oneOf(sql`(${row} ->> 2)`, [systemId]), oneOf(sql`(${row} ->> 3)`, [codeId])]);
}
