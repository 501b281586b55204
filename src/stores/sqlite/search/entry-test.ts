/**
 * Tests on the rows that are kept beside a resource (`index_entry`), for parameters that the driving index does not
 * tell. The forms of rows are drawn in index-rows.ts.
 */
import type { QuantityTest, StringTest, ValueTest } from '../../../fhir/search/query.js';
import type { Param } from '../catalogue.js';
import { and, FALSE, type Fragment, not, oneOf, or, raw, sql, TRUE } from './fragment.js';
import { isKeyTest, type KeySet, keySet } from './key-set.js';
import { positionCondition } from './position-test.js';
import { rangeCondition } from './range-test.js';
import type { Scope } from './scope.js';

/** The rows of a resource as JSON. */
export function entryOf(rid: Fragment): Fragment {
  return sql`(SELECT rows FROM index_entry WHERE rid = ${rid})`;
}

export function entryPath(param: number): string {
  return `$."${param}"`;
}

/** One row as SQL expressions: the whole of it, and its parts by number. */
interface RowExpressions {
  readonly whole: Fragment;
  part(at: number): Fragment;
}

/** Some row of the parameter passes the test. */
export function someRowPasses(scope: Scope, rid: Fragment, param: Param, test: ValueTest): Fragment {
  const isRange = test.kind === 'date' || test.kind === 'number' || test.kind === 'quantity';
  if (isRange && !param.repeats) return onlyRowPasses(scope, rid, param, test);
  return someRow(scope, rid, param, (row) => rowCondition(scope, test, element(row)));
}

/** Some row of the parameter passes the condition, which speaks of the row as an SQL expression. */
export function someRow(
  scope: Scope,
  rid: Fragment,
  param: Param,
  condition: (row: Fragment) => Fragment,
): Fragment {
  return someElement(scope, entryOf(rid), entryPath(param.id), condition);
}

/** Where no resource has several rows they need not be gone through. */
function onlyRowPasses(scope: Scope, rid: Fragment, param: Param, test: ValueTest): Fragment {
  const path = entryPath(param.id);
  const row: RowExpressions = {
    whole: sql`(${entryOf(rid)} -> ${`${path}[0]`})`,
    part: (at) => sql`(${entryOf(rid)} ->> ${`${path}[0][${at}]`})`,
  };
  return sql`ifnull(${rowCondition(scope, test, row)}, 0)`;
}

function element(row: Fragment): RowExpressions {
  return { whole: row, part: (at) => sql`(${row} ->> ${raw(String(at))})` };
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
function rowCondition(scope: Scope, test: ValueTest, row: RowExpressions): Fragment {
  if (isKeyTest(test)) return keyCondition(keySet(scope, test), row.whole);
  switch (test.kind) {
    case 'date':
    case 'number':
      return rangeCondition(test, row.part(0), row.part(1));
    case 'quantity':
      return quantityCondition(scope, test, row);
    case 'words':
      return FALSE; // never in a row: probe.ts asks the full-text index
    case 'position':
      return positionCondition(test, row.part(0), row.part(1));
    case 'string':
      return stringCondition(test, row.part(0), row.part(1));
    case 'other':
      return not(or(test.than.map((one) => keyCondition(keySet(scope, one), row.whole))));
    case 'composite':
      return and(
        test.components.map((component, at) =>
          someElement(scope, row.whole, `$[${at}]`, (one) => rowCondition(scope, component, element(one))),
        ),
      );
  }
}

function keyCondition(keys: KeySet, value: Fragment): Fragment {
  if (keys.kind === 'listed') return oneOf(value, keys.values);
  return sql`EXISTS (SELECT 1 FROM term t WHERE t.id = ${value} AND ${keys.condition})`;
}

/** On the folded and the exact text of a row. */
export function stringCondition(test: StringTest, folded: Fragment, exact: Fragment): Fragment {
  switch (test.mode) {
    case 'starts':
      return sql`substr(${folded}, 1, ${[...test.value].length}) = ${test.value}`;
    case 'contains':
      return sql`instr(${folded}, ${test.value}) > 0`;
    case 'ends':
      return sql`substr(${folded}, ${-[...test.value].length}) = ${test.value}`;
    case 'exact':
      return sql`${exact} = ${test.value}`;
    case 'eq':
    case 'ne':
    case 'gt':
    case 'lt':
    case 'ge':
    case 'le':
      return comparedText(folded, test.mode, test.value);
  }
}

const COMPARISONS = { eq: '=', ne: '<>', gt: '>', lt: '<', ge: '>=', le: '<=' } as const;

/** SQLite compares texts by their UTF-8 bytes, which is the order of code points. */
export function comparedText(folded: Fragment, mode: keyof typeof COMPARISONS, value: string): Fragment {
  return sql`${folded} ${raw(COMPARISONS[mode])} ${value}`;
}

function quantityCondition(scope: Scope, test: QuantityTest, row: RowExpressions): Fragment {
  const { canonical } = test;
  if (canonical === undefined) {
    return and([rangeCondition(test, row.part(0), row.part(1)), unitCondition(scope, test, row)]);
  }
  const base = scope.catalogue.text(canonical.base);
  if (base === undefined) return FALSE;
  return and([
    oneOf(row.part(5), [base]),
    rangeCondition({ ...test, ...canonical }, row.part(6), row.part(7)),
  ]);
}

function unitCondition({ catalogue }: Scope, { system, code }: QuantityTest, row: RowExpressions): Fragment {
  if (code === undefined) return TRUE;
  const codeId = catalogue.text(code);
  if (codeId === undefined) return FALSE;
  if (system === undefined) return or([oneOf(row.part(3), [codeId]), oneOf(row.part(4), [codeId])]);
  const systemId = catalogue.text(system);
  if (systemId === undefined) return FALSE;
  return and([oneOf(row.part(2), [systemId]), oneOf(row.part(3), [codeId])]);
}
