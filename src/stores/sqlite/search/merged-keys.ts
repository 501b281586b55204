/**
 * Several keys of the index read as one, in the order of dates: the patients that a chain leads to, a long list of codes.
 *
 * Invariant: a row may come once for each of its keys, one after the other; none is left out.
 */
import type { Param } from '../catalogue.js';
import type { Source } from './driver.js';
import { and, type Fragment, oneOf, raw, rowsOf, sql } from './fragment.js';
import type { Phase } from './order.js';
import { ALL_TIME, DATED, intersect, type Window, within } from './range-test.js';

/** What comes before a date, or, read downwards, after it. */
export interface End {
  readonly date: number;
  readonly down: boolean;
}

/** Keys whose rows are merged, for reading those first that come first. */
export interface MergedKeys {
  readonly keys: readonly number[];
  /** A SELECT of (date, key) of each key's first row in a phase, in the order of dates; null, and last, where it has no row. */
  readonly firsts: (phase: Phase, down: boolean) => Fragment;
  /** A SELECT of (date, rid) of the rows that some of the keys have in a phase before a date, in no order. */
  readonly rows: (keys: readonly number[], phase: Phase, end: End | undefined) => Fragment;
}

/**
 * The rows of several keys in one order: the first row of each key stands in a queue (which is what a recursive SELECT with
 * an ORDER BY works off), and whichever is taken is followed by the next of its key. So a page costs as much as its
 * rows and its keys, however many rows the keys have.
 */
export function mergedKeys(param: Param, values: readonly number[], window: Window): Source {
  const walk = ({ where, dates }: Phase, down: boolean): Fragment => {
    const direction = raw(down ? 'DESC' : 'ASC');
    const [date, rid] = [raw('n.date'), raw('n.rid')];
    const { from, to } = intersect(window, dates);
    // The row before is the one bound to seek by; the other says where to end.
    const end = within(date, down ? { ...ALL_TIME, from } : { ...ALL_TIME, to });
    const next = sql`(${date}, ${rid}) ${raw(down ? '<' : '>')} (+m.date, +m.rid) AND ${end}`;
    const first = (
      key: Fragment,
      condition: Fragment,
    ): Fragment => sql`k.param = ${param.id} AND k.value = ${key}
      AND (k.date, k.rid) = (SELECT n.date, n.rid FROM key_index n WHERE n.param = ${param.id} AND n.value = ${key}
        AND ${condition} ORDER BY n.date ${direction}, n.rid ${direction} LIMIT 1)`;
    return sql`WITH RECURSIVE merged(value, date, rid) AS (
      SELECT k.value, k.date, k.rid FROM ${rowsOf(values)} v CROSS JOIN key_index k
        ON ${first(raw('v.value'), and([within(date, window), where(date, rid)]))}
      UNION ALL
      SELECT k.value, k.date, k.rid FROM merged m CROSS JOIN key_index k ON ${first(raw('m.value'), next)}
      ORDER BY 2 ${direction}, 3 ${direction}) SELECT rid, date FROM merged`;
  };
  const firsts = (phase: Phase, down: boolean): Fragment => {
    const direction = raw(down ? 'DESC' : 'ASC');
    if (down && areNewest(param, phase, window)) {
      return sql`SELECT w.date, w.value AS key FROM ${rowsOf(values)} v CROSS JOIN newest w
        ON w.param = ${param.id} AND w.value = v.value WHERE ${within(raw('w.date'), window)} ORDER BY 1 DESC`;
    }
    const [date, rid] = [raw('n.date'), raw('n.rid')];
    return sql`SELECT (SELECT n.date FROM key_index n
        WHERE n.param = ${param.id} AND n.value = v.value AND ${within(date, window)} AND ${phase.where(date, rid)}
        ORDER BY n.date ${direction}, n.rid ${direction} LIMIT 1) AS date, v.value AS key
      FROM ${rowsOf(values)} v ORDER BY 1 ${direction} NULLS LAST`;
  };
  const rows = (keys: readonly number[], { where }: Phase, end: End | undefined): Fragment =>
    sql`SELECT date, rid FROM key_index WHERE param = ${param.id} AND ${oneOf(raw('value'), keys)}
      AND ${endingAt(raw('date'), window, end)} AND ${where(raw('date'), raw('rid'))}`;
  return { walk, merged: { keys: values, firsts, rows } };
}

/** Read downwards the first row of each key is its newest (../newest.ts), as nothing that has a date is too late. */
function areNewest({ isFollowed }: Param, { isAllDated }: Phase, window: Window): boolean {
  return isFollowed && isAllDated === true && window.to >= DATED.to;
}

/** The end lies within the window: it is the bound to seek by. */
function endingAt(date: Fragment, window: Window, end: End | undefined): Fragment {
  if (end === undefined) return within(date, window);
  const { from, to } = ALL_TIME;
  return end.down
    ? and([sql`${date} > ${end.date}`, within(date, { ...window, from })])
    : and([sql`${date} < ${end.date}`, within(date, { ...window, to })]);
}
