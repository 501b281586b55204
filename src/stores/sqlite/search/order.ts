/**
 * In which order a search yields its matches, and the conditions by which a later page begins where the last ended.
 * https://hl7.org/fhir/R4/search.html#sort
 *
 *   date      (sort date, rid): the natural order, and that of `_sort` by the type's primary date; read off the indexes
 *   position  `_sort=_lastUpdated`: times never fall with positions
 *   stored    rid: the natural order of a search by words, in which the full-text index has its rows
 *   computed  any other `_sort`: keys are computed for each match
 *
 * Invariant: rid is the last key of every order, so no two matches are equal; missing values come last either way.
 */
import type { Predicate, SearchQuery, SortKey } from '../../../fhir/search/query.js';
import { NO_DATE } from '../catalogue.js';
import type { Cell } from '../connection.js';
import { and, type Fragment, or, raw, sql, TRUE } from './fragment.js';
import { ALL_TIME, DATED, DATELESS, type Window } from './range-test.js';
import type { Scope } from './scope.js';

export type Order =
  | { readonly kind: 'date'; readonly descending: boolean }
  | { readonly kind: 'position'; readonly descending: boolean }
  | { readonly kind: 'stored' }
  | { readonly kind: 'computed'; readonly keys: readonly SortKey[] };

export const NATURAL: Order = { kind: 'date', descending: false };
const STORED: Order = { kind: 'stored' };

export function orderOf(scope: Scope, query: SearchQuery): Order {
  const [first, ...others] = query.sort;
  if (first === undefined) return isByWords(query) ? STORED : NATURAL;
  if (others.length > 0) return { kind: 'computed', keys: query.sort };
  if (first.param === '_lastUpdated') return { kind: 'position', descending: first.descending };
  const [part, ...further] = query.parts;
  const isPrimary = part !== undefined && scope.primaryDate(part.type)?.code === first.param;
  return isPrimary && further.length === 0
    ? { kind: 'date', descending: first.descending }
    : { kind: 'computed', keys: query.sort };
}

function isByWords({ parts }: SearchQuery): boolean {
  return parts.every(({ where }) => asksForWords(where));
}

/** Every match holds some words. */
function asksForWords(where: Predicate): boolean {
  if (where.op === 'and') return where.of.some(asksForWords);
  return where.op === 'value' && where.test.kind === 'words';
}

/** A name that a page key carries: a key of one order is none of another. */
export function orderName(order: Order): string {
  switch (order.kind) {
    case 'computed':
      return `computed ${order.keys.length}`;
    case 'stored':
      return 'stored';
    case 'date':
    case 'position':
      return `${order.kind} ${order.descending ? 'desc' : 'asc'}`;
  }
}

/** The order that a page key was made in: it stays that of its sequence of pages. */
export function orderNamed(name: Cell | undefined, query: SearchQuery): Order | undefined {
  const orders: readonly Order[] = [
    NATURAL,
    { kind: 'date', descending: true },
    { kind: 'position', descending: false },
    { kind: 'position', descending: true },
    ...(isByWords(query) ? [STORED] : []),
    { kind: 'computed', keys: query.sort },
  ];
  return orders.find((order) => orderName(order) === name);
}

/** How an order is read: from the keys of a match, which is left out, and in which direction. */
export interface Reading {
  readonly from?: readonly Cell[];
  readonly backwards: boolean;
}

export const FROM_THE_START: Reading = { backwards: false };

/** Rows of one key that come after (key, rid) in the direction. */
export function beyond(key: Fragment, rid: Fragment, from: readonly Cell[], descending: boolean): Fragment {
  const [keyValue = null, ridValue = null] = from;
  return sql`(${key}, ${rid}) ${raw(descending ? '<' : '>')} (${keyValue}, ${ridValue})`;
}

/** A part of the order by dates, or all of that by rids. */
export interface Phase {
  /** The condition on the columns that hold sort date and rid. */
  readonly where: (date: Fragment, rid: Fragment) => Fragment;
  /** Between which sort dates all of it lies. */
  readonly dates: Window;
  /** It is all that has a date. */
  readonly isAllDated?: true;
  /** The rid that it begins behind where all have one date: a bound to seek by. */
  readonly after?: number;
}

/**
 * The parts of the date order as they are read, one after the other: those without a date are last in the order, so
 * first when it is read backwards. `isDated`: there are none without a date.
 */
export function datePhases(
  descending: boolean,
  { from, backwards }: Reading,
  isDated: boolean,
): readonly Phase[] {
  const down = descending !== backwards;
  const begin: Phase = {
    where: (date, rid) => (from === undefined ? TRUE : beyond(date, rid, from, down)),
    dates: ALL_TIME,
    ...(from === undefined ? {} : { after: Number(from.at(-1)) }),
  };
  // "No date" is the greatest sort date: ascending order has it where it belongs, read either way.
  if (!descending) return [begin];
  const dated: Phase = {
    where: (date) => sql`${date} < ${NO_DATE}`,
    dates: DATED,
    isAllDated: true,
  };
  const undated: Phase = {
    where: (date) => sql`${date} = ${NO_DATE}`,
    dates: DATELESS,
  };
  const both = ({ where, dates }: Phase): Phase => ({
    where: (date, rid) => and([where(date, rid), begin.where(date, rid)]),
    dates,
  });
  const isUndated = from?.[0] === NO_DATE;
  if (backwards) {
    if (from !== undefined && !isUndated) return [both(dated)];
    const first = isUndated ? both(undated) : undated;
    return isDated ? [dated] : [first, dated];
  }
  if (isUndated) return [both(undated)];
  // What comes after a dated match is dated: the engine is given one bound to seek by, the closer one.
  const first = from === undefined ? dated : begin;
  return isDated ? [first] : [first, undated];
}

/** All of the stored order, which is read ascending unless it is read backwards. */
export function storedPhase({ from, backwards }: Reading): Phase {
  const [rid = null] = from ?? [];
  return {
    where: (_date, column) =>
      from === undefined ? TRUE : sql`${column} ${raw(backwards ? '<' : '>')} ${rid}`,
    dates: ALL_TIME,
  };
}

/** After the keys of a match in the direction of reading, for keys that may be null and that each have a direction. */
export function beyondComputed(
  names: readonly Fragment[],
  keys: readonly SortKey[],
  { from, backwards }: Reading,
): Fragment {
  if (from === undefined) return TRUE;
  const steps: Fragment[] = [];
  const equal: Fragment[] = [];
  for (const [at, name] of names.entries()) {
    const value = from[at] ?? null;
    const down = (keys[at]?.descending === true) !== backwards;
    if (value !== null) {
      const beyondValue = sql`${name} ${raw(down ? '<' : '>')} ${value}`;
      steps.push(and([...equal, backwards ? beyondValue : or([beyondValue, sql`${name} IS NULL`])]));
    } else if (backwards) {
      steps.push(and([...equal, sql`${name} IS NOT NULL`]));
    }
    equal.push(sql`${name} IS ${value}`);
  }
  steps.push(and([...equal, sql`rid ${raw(backwards ? '<' : '>')} ${from.at(-1) ?? null}`]));
  return or(steps);
}

/** The ORDER BY of computed keys. */
export function computedOrdering(
  names: readonly Fragment[],
  keys: readonly SortKey[],
  { backwards }: Reading,
): Fragment {
  const direction = (down: boolean): string => (down ? 'DESC' : 'ASC');
  const terms = names.map(({ text }, at) => {
    const down = (keys[at]?.descending === true) !== backwards;
    return `${text} IS NULL ${direction(backwards)}, ${text} ${direction(down)}`;
  });
  return raw([...terms, `rid ${direction(backwards)}`].join(', '));
}

/** Compares two matches by their keys, rid last, as the SQL does. */
export function compareKeys(order: Order, left: readonly Cell[], right: readonly Cell[]): number {
  for (const [at, key] of left.entries()) {
    const other = right[at] ?? null;
    const isRid = at === left.length - 1;
    const difference = compareCells(order, key, other, isDescending(order, at, isRid), isRid);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isDescending(order: Order, at: number, isRid: boolean): boolean {
  if (order.kind === 'stored') return false;
  return order.kind === 'computed' ? !isRid && order.keys[at]?.descending === true : order.descending;
}

function compareCells(order: Order, left: Cell, right: Cell, descending: boolean, isRid: boolean): number {
  const [leftLast, rightLast] = [isLast(order, left, isRid), isLast(order, right, isRid)];
  if (leftLast || rightLast) return Number(leftLast) - Number(rightLast);
  const difference =
    typeof left === 'string' && typeof right === 'string'
      ? Buffer.compare(Buffer.from(left), Buffer.from(right))
      : compareNumbers(Number(left), Number(right));
  return descending ? -difference : difference;
}

/** Without a difference, which two infinities do not have. */
function compareNumbers(left: number, right: number): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function isLast(order: Order, key: Cell, isRid: boolean): boolean {
  return key === null || (order.kind === 'date' && !isRid && key === NO_DATE);
}
