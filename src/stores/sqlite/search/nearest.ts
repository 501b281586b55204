/**
 * The first rows of many keys of the index, in one order.
 *
 * A page has rows of few of the keys: of those whose own first rows come first. No row of another key comes before that
 * key's first row, so what comes before the first rows of all others is complete with a few keys read.
 *
 * Invariant: what is returned is what all keys have, merged; undefined where the few have too many rows to be sorted here.
 */
import type { Cell } from '../connection.js';
import { type Fragment, raw, sql } from './fragment.js';
import type { MergedKeys } from './merged-keys.js';
import type { Phase } from './order.js';
import type { Limits } from './scope.js';

/** Limits are for pages of so many rows. */
const PAGE = 64;
/** When the rows of some keys do not fill the page, those of twice as many are read: no more than twice what fills it. */
const MORE = 2;
/** First rows are looked at for so many times the keys that most pages take. */
const AHEAD = 8;

type DatedRow = [date: number, rid: number];
type First = readonly [date: number, key: number];

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
  const { merged, phase, down, wanted, near } = asked;
  const pages = Math.ceil(wanted / PAGE);
  const most = near.rows * pages;
  const few = near.keys * pages;
  let firsts = firstsOf(asked, AHEAD * few + 1);
  if (firsts.length === 0) return [];
  // Of a handful of keys half may fill the page as well.
  for (let some = Math.min(few, Math.ceil(firsts.length / 2)); ; some *= MORE) {
    if (some > AHEAD * few && firsts.length === AHEAD * few + 1) firsts = firstsOf(asked, EVERY);
    // Rows at the date at which the next key begins may be of that one as well.
    const [next] = firsts[some] ?? [];
    const end = next === undefined ? undefined : { date: next, down };
    const before = firsts.slice(0, some).filter(([first]) => first !== next);
    const read = before.map(([, key]) => key);
    if (read.length === 0) return undefined; // they all begin at one date
    const found = cells(asked, sql`${merged.rows(read, phase, end)} LIMIT ${most + 1}`, 'rid') as DatedRow[]; // each has a date
    if (found.length > most) return undefined;
    const distinct = distinctOf(found, down);
    if (distinct.length >= wanted || end === undefined) return distinct.slice(0, wanted);
  }
}

const EVERY = -1;

/** Of so many keys, those that come first. */
function firstsOf(asked: Nearest, limit: number): readonly First[] {
  const { merged, phase, down } = asked;
  const firsts = cells(asked, sql`${merged.firsts(phase, down)} LIMIT ${limit}`, 'key');
  return firsts.filter((first): first is [number, number] => first[0] !== null);
}

/** Rows of a date and another integer, all in one cell, which takes half the time that cells of their own take. */
function cells(
  { column }: Nearest,
  rows: Fragment,
  other: 'key' | 'rid',
): readonly [date: number | null, other: number][] {
  const [text] = column<string>(
    sql`SELECT '[' || json_group_array(date) || ',' || json_group_array(${raw(other)}) || ']' FROM (${rows})`,
  );
  // One row, whatever there is to put together, of two lists of the same length; dates are whole milliseconds.
  const [dates, others] = JSON.parse(text as string) as [(number | null)[], number[]];
  return dates.map((date, at) => [date, others[at] as number]);
}

/** In order; a resource may have several of the keys: its rows are one. */
function distinctOf(rows: DatedRow[], down: boolean): readonly DatedRow[] {
  const sign = down ? -1 : 1;
  rows.sort((left, right) => sign * (left[0] - right[0] || left[1] - right[1]));
  return rows.filter(([, rid], at) => rid !== rows[at - 1]?.[1]);
}
