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

type First = [key: number, date: number];

export type DatedRow = [date: number, rid: number];

/** Of which keys, how many rows at least if there are, and how they are read. */
export interface Nearest {
  readonly keys: MergedKeys;
  readonly phase: Phase;
  readonly down: boolean;
  readonly wanted: number;
  readonly near: Limits['near'];
  rows<Row extends readonly Cell[]>(statement: Fragment): Row[];
}

export function nearestRows({
  keys,
  phase,
  down,
  wanted,
  near,
  rows,
}: Nearest): readonly DatedRow[] | undefined {
  const pages = Math.ceil(wanted / PAGE);
  const most = near.rows * pages;
  const few = near.keys * pages;
  let firsts = rows<First>(sql`${keys.firsts(phase, down)} LIMIT ${few + 1}`);
  for (let some = few; ; some *= MORE) {
    // Rows at the date at which the next key begins may be of that one as well.
    const next = firsts[some]?.[1];
    const end = next === undefined || !Number.isFinite(next) ? undefined : { date: next, down };
    const read = firsts
      .slice(0, some)
      .filter(([, date]) => Number.isFinite(date) && date !== end?.date)
      .map(([key]) => key);
    if (read.length === 0 && end !== undefined) return undefined; // they all begin at one date
    const found = rows<DatedRow>(sql`${keys.rows(read, phase, end)} LIMIT ${most + 1}`);
    if (found.length > most) return undefined;
    const distinct = inOrder(found, down);
    if (distinct.length >= wanted || end === undefined) return distinct.slice(0, wanted);
    // A few are found by looking for all: the others are kept from the second time on.
    if (some === few) firsts = rows<First>(keys.firsts(phase, down));
  }
}

/** A resource may have several of the keys: its rows are one. */
function inOrder(rows: DatedRow[], down: boolean): readonly DatedRow[] {
  const sign = down ? -1 : 1;
  rows.sort((left, right) => sign * (left[0] - right[0] || left[1] - right[1]));
  return rows.filter(([, rid], at) => rid !== rows[at - 1]?.[1]);
}
