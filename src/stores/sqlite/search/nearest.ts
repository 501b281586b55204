/**
 * The first rows of many keys of the index, in one order.
 *
 * A page has rows of few of the keys: of those whose own first rows come first. No row of another key comes before that
 * key's first row, so what comes before the first rows of all others is complete with a few keys read.
 *
 * Invariant: what is returned is what all keys have, merged; undefined where the few have too many rows to be sorted here.
 */
import type { Cell } from '../connection.js';
import type { MergedKeys } from './driver.js';
import { type Fragment, sql } from './fragment.js';
import type { Phase } from './order.js';
import type { Limits } from './scope.js';

/** Limits are for pages of so many rows. */
const PAGE = 64;
/** When the rows of some keys do not fill the page, so many times as many are read. */
const MORE = 8;

export type DatedRow = [date: number, rid: number];

/** Of which keys, how many rows at least if there are, and how a SELECT of one column is read. */
export interface Nearest {
  readonly merged: MergedKeys;
  readonly phase: Phase;
  readonly down: boolean;
  readonly wanted: number;
  readonly near: Limits['near'];
  column<Value extends Cell>(statement: Fragment): Value[];
}

export function nearestRows(asked: Nearest): readonly DatedRow[] | undefined {
  const { merged, phase, down, wanted, near, column } = asked;
  const pages = Math.ceil(wanted / PAGE);
  const most = near.rows * pages;
  const firsts = column<number | null>(merged.firsts(phase, down));
  const inOrder = new Float64Array(firsts.filter((date) => date !== null)).sort();
  if (inOrder.length === 0) return [];
  if (down) inOrder.reverse();
  for (let some = near.keys * pages; ; some *= MORE) {
    // Rows at the date at which the next key begins may be of that one as well.
    const next = inOrder[some];
    const end = next === undefined ? undefined : { date: next, down };
    const read = merged.keys.filter((_, at) => {
      const first = firsts[at] ?? undefined;
      return first !== undefined && (next === undefined || (down ? first > next : first < next));
    });
    if (read.length === 0) return undefined; // they all begin at one date
    const rows = merged.rows(read, phase, end);
    const found = readRows(asked, sql`${rows} LIMIT ${most + 1}`);
    if (found.length > most) return undefined;
    const distinct = distinctOf(found, down);
    if (distinct.length >= wanted || end === undefined) return distinct.slice(0, wanted);
  }
}

/** All in one cell, which takes half the time that cells of their own take; dates are whole milliseconds. */
function readRows({ column }: Nearest, rows: Fragment): DatedRow[] {
  const [text] = column<string>(
    sql`SELECT '[' || json_group_array(date) || ',' || json_group_array(rid) || ']' FROM (${rows})`,
  );
  const [dates, rids] = JSON.parse(text as string) as [number[], number[]]; // one row, whatever there is to put together
  return dates.map((date, at) => [date, rids[at] as number]); // both lists are of the same rows
}

/** In order; a resource may have several of the keys: its rows are one. */
function distinctOf(rows: DatedRow[], down: boolean): readonly DatedRow[] {
  const sign = down ? -1 : 1;
  rows.sort((left, right) => sign * (left[0] - right[0] || left[1] - right[1]));
  return rows.filter(([, rid], at) => rid !== rows[at - 1]?.[1]);
}
