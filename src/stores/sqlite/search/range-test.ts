/**
 * Date, number and quantity tests as conditions on a stored range.
 * https://hl7.org/fhir/R4/search.html#prefix; the table of prefixes stands in fhir/search/query.ts.
 */
import type { DateTest, NumberTest, QuantityTest } from '../../../fhir/search/query.js';
import { NO_DATE } from '../catalogue.js';
import { and, type Fragment, sql } from './fragment.js';

export type RangeTest = DateTest | NumberTest | QuantityTest;

/** The condition on the ends of one stored range, given as expressions. */
export function rangeCondition(test: RangeTest, lo: Fragment, hi: Fragment): Fragment {
  // The upper end of a date's search range belongs to it, that of a number's does not.
  const inclusive = test.kind === 'date';
  const end = upperEnd(test);
  switch (test.prefix) {
    case 'eq':
      return contained(test, lo, hi, inclusive);
    case 'ne':
      return sql`NOT (${contained(test, lo, hi, inclusive)})`;
    case 'gt':
      return sql`${hi} > ${end}`;
    case 'lt':
      return sql`${lo} < ${test.lo}`;
    case 'ge':
      return sql`${hi} >= ${test.lo}`;
    case 'le':
      return sql`${lo} <= ${end}`;
    case 'sa':
      return sql`${lo} > ${end}`;
    case 'eb':
      return sql`${hi} < ${test.lo}`;
    case 'includes':
      return and([sql`${lo} <= ${test.lo}`, sql`${hi} >= ${test.hi}`]);
    case 'overlaps':
      return and([inclusive ? sql`${lo} <= ${test.hi}` : sql`${lo} < ${test.hi}`, sql`${hi} >= ${test.lo}`]);
  }
}

/** What lies after a search value lies after its last millisecond; a number has no width there. */
function upperEnd(test: RangeTest): number {
  return test.kind === 'date' ? test.hi : test.lo;
}

function contained(test: RangeTest, lo: Fragment, hi: Fragment, inclusive: boolean): Fragment {
  return and([sql`${lo} >= ${test.lo}`, inclusive ? sql`${hi} <= ${test.hi}` : sql`${hi} < ${test.hi}`]);
}

export interface Window {
  readonly from: number;
  readonly to: number;
}

export const ALL_TIME: Window = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** The sort dates of what has a primary date. */
export const DATED: Window = { ...ALL_TIME, to: NO_DATE - 1 };

/** That of what has none. */
export const DATELESS: Window = { ...ALL_TIME, from: NO_DATE };

/** Where the lower end of a matching range must lie, when no range is longer than `maxSpan`. A superset. */
export function lowerEndWindow(test: RangeTest, maxSpan: number): Window {
  const back = (end: number): number => end - maxSpan - Math.abs(end - maxSpan) * ROUNDING;
  const { from, to } = ALL_TIME;
  switch (test.prefix) {
    case 'eq':
      return { from: test.lo, to: test.hi };
    case 'ne':
      return ALL_TIME;
    case 'gt':
      return { from: back(upperEnd(test)), to };
    case 'ge':
      return { from: back(test.lo), to };
    case 'lt':
    case 'eb':
      return { from, to: test.lo };
    case 'le':
      return { from, to: test.hi };
    case 'sa':
      return { from: upperEnd(test), to };
    case 'overlaps':
      return { from: back(test.lo), to: test.hi };
    case 'includes':
      return { from: back(test.hi), to: test.lo };
  }
}

/** Doubles that were subtracted may be off by their last bit. */
const ROUNDING = 1e-15;

export function intersect(left: Window, right: Window): Window {
  return { from: Math.max(left.from, right.from), to: Math.min(left.to, right.to) };
}

/** The condition that a column lies in the window. */
export function within(column: Fragment, { from, to }: Window): Fragment {
  return and([
    ...(from === ALL_TIME.from ? [] : [sql`${column} >= ${from}`]),
    ...(to === ALL_TIME.to ? [] : [sql`${column} <= ${to}`]),
  ]);
}
