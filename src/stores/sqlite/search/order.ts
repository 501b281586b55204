/**
 * In which order a search yields its matches, and the conditions by which a later page begins where the last ended.
 * https://hl7.org/fhir/R4/search.html#sort
 *
 *   date      (sort date, rid): the natural order, and that of `_sort` by the type's primary date; read off the indexes
 *   position  `_sort=_lastUpdated`: times never fall with positions
 *   computed  any other `_sort`: keys are computed for each match
 *
 * Invariant: rid is the last key of every order, so no two matches are equal; missing values come last either way.
 */
import type { SearchQuery, SortKey } from '../../../fhir/search/query.js';
import { NO_DATE } from '../catalogue.js';
import type { Cell } from '../connection.js';
import { and, type Fragment, or, raw, sql, TRUE } from './fragment.js';
import type { Scope } from './scope.js';

export type Order =
  | { readonly kind: 'date'; readonly descending: boolean }
  | { readonly kind: 'position'; readonly descending: boolean }
  | { readonly kind: 'computed'; readonly keys: readonly SortKey[] };

export const NATURAL: Order = { kind: 'date', descending: false };

export function orderOf(scope: Scope, query: SearchQuery): Order {
  const [first, ...others] = query.sort;
  if (first === undefined) return NATURAL;
  if (others.length > 0) return { kind: 'computed', keys: query.sort };
  if (first.param === '_lastUpdated') return { kind: 'position', descending: first.descending };
  const [part, ...further] = query.parts;
  const isPrimary = part !== undefined && scope.primaryDate(part.type)?.code === first.param;
  return isPrimary && further.length === 0
    ? { kind: 'date', descending: first.descending }
    : { kind: 'computed', keys: query.sort };
}

/** A name that a page key carries: a key of one order is none of another. */
export function orderName(order: Order): string {
  return order.kind === 'computed'
    ? `computed ${order.keys.length}`
    : `${order.kind} ${order.descending ? 'desc' : 'asc'}`;
}

/** The order that a page key was made in: it stays that of its sequence of pages. */
export function orderNamed(name: Cell | undefined, query: SearchQuery): Order | undefined {
  const orders: readonly Order[] = [
    NATURAL,
    { kind: 'date', descending: true },
    { kind: 'position', descending: false },
    { kind: 'position', descending: true },
    { kind: 'computed', keys: query.sort },
  ];
  return orders.find((order) => orderName(order) === name);
}

/** Rows of one key that come after (key, rid) in the direction. */
export function beyond(key: Fragment, rid: Fragment, after: readonly Cell[], descending: boolean): Fragment {
  const [keyValue = null, ridValue = null] = after;
  return sql`(${key}, ${rid}) ${raw(descending ? '<' : '>')} (${keyValue}, ${ridValue})`;
}

/** A part of the date order: the condition on the columns that hold sort date and rid. */
export type Phase = (date: Fragment, rid: Fragment) => Fragment;

/**
 * The parts of the date order, one after the other: descending, those without a date are read last. The page begins
 * after the keys of the last match before it. `isDated`: there are none without a date.
 */
export function datePhases(
  descending: boolean,
  after: readonly Cell[] | undefined,
  isDated: boolean,
): readonly Phase[] {
  const begin: Phase = (date, rid) => (after === undefined ? TRUE : beyond(date, rid, after, descending));
  if (!descending) return [begin];
  const undated: Phase = (date) => sql`${date} = ${NO_DATE}`;
  const later = isDated ? [] : [undated];
  if (after === undefined) return [(date) => sql`${date} < ${NO_DATE}`, ...later];
  // What comes after a dated match is dated: the engine is given one bound to seek by, the closer one.
  return after[0] === NO_DATE
    ? [(date, rid) => and([undated(date, rid), begin(date, rid)])]
    : [begin, ...later];
}

/** After the keys of the last match of a page, for keys that may be null and that each have a direction. */
export function beyondComputed(
  names: readonly Fragment[],
  keys: readonly SortKey[],
  after: readonly Cell[],
): Fragment {
  const steps: Fragment[] = [];
  const equal: Fragment[] = [];
  for (const [at, name] of names.entries()) {
    const value = after[at] ?? null;
    if (value !== null) {
      const later = sql`${name} ${raw(keys[at]?.descending ? '<' : '>')} ${value}`;
      steps.push(and([...equal, or([later, sql`${name} IS NULL`])]));
    }
    equal.push(sql`${name} IS ${value}`);
  }
  steps.push(and([...equal, sql`rid > ${after.at(-1) ?? null}`]));
  return or(steps);
}

/** Compares two matches by their keys, rid last, as the SQL does. */
export function compareKeys(order: Order, left: readonly Cell[], right: readonly Cell[]): number {
  for (const [at, key] of left.entries()) {
    const other = right[at] ?? null;
    const isRid = at === left.length - 1;
    const descending =
      order.kind === 'computed' ? !isRid && order.keys[at]?.descending === true : order.descending;
    const difference = compareCells(order, key, other, descending, isRid);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareCells(order: Order, left: Cell, right: Cell, descending: boolean, isRid: boolean): number {
  const [leftLast, rightLast] = [isLast(order, left, isRid), isLast(order, right, isRid)];
  if (leftLast || rightLast) return Number(leftLast) - Number(rightLast);
  const difference =
    typeof left === 'string' && typeof right === 'string'
      ? Buffer.compare(Buffer.from(left), Buffer.from(right))
      : Number(left) - Number(right);
  return descending ? -difference : difference;
}

function isLast(order: Order, key: Cell, isRid: boolean): boolean {
  return key === null || (order.kind === 'date' && !isRid && key === NO_DATE);
}
