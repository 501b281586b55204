/**
 * Writes what changed in the index rows of resources. Rows wait until `flush`, which writes them table by table in the
 * order of the table's key: a bulk commit then touches each page once.
 *
 * Invariant: the index holds exactly the rows of `index_entry` of live resources, and a key for each parameter of which there is
 * a range (PRESENT); key rows carry their sort date, and what is newest of each patient is followed (newest.ts).
 */
import type { Cell, Connection } from './connection.js';
import {
  compositeKeys,
  isComposite,
  isRange,
  isString,
  PRESENT,
  type Row,
  rangesOf,
  readEntry,
  rowsOf,
  rowText,
  type StringRow,
} from './index-rows.js';
import { Newest } from './newest.js';
import type { ParamRows, ResourceRows } from './row-maker.js';

const ADD_KEYS = 'INSERT OR IGNORE INTO key_index(param, value, date, rid) VALUES ';
const DROP_KEY = 'DELETE FROM key_index WHERE param = ? AND value = ? AND date = ? AND rid = ?';
const ADD_RANGES = 'INSERT OR IGNORE INTO range_index(param, unit, lo, hi, rid) VALUES ';
const DROP_RANGE = 'DELETE FROM range_index WHERE param = ? AND unit = ? AND lo = ? AND hi = ? AND rid = ?';
const ADD_STRINGS = 'INSERT OR IGNORE INTO string_index(param, folded, exact, rid) VALUES ';
const DROP_STRING = 'DELETE FROM string_index WHERE param = ? AND folded = ? AND exact = ? AND rid = ?';
const SET_ENTRY = `INSERT INTO index_entry(rid, rows) VALUES (?, jsonb(?))
  ON CONFLICT (rid) DO UPDATE SET rows = excluded.rows`;
const READ_PARAM = 'SELECT json_extract(rows, ?) FROM index_entry WHERE rid = ?';
const SET_PARAM = 'UPDATE index_entry SET rows = jsonb_set(rows, ?, jsonb(?)) WHERE rid = ?';
const REMOVE_PARAM = 'UPDATE index_entry SET rows = jsonb_remove(rows, ?) WHERE rid = ?';
const DROP_ENTRY = 'DELETE FROM index_entry WHERE rid = ?';

/** With one INSERT for so many rows an index row costs a third less than with one for each. */
const ROWS_PER_INSERT = 8;
const KEY_ROW = '(?, ?, ?, ?)';
const RANGE_ROW = '(?, ?, ?, ?, ?)';

type NumberTuple = readonly [param: number, first: number, second: number, rid: number];
type RangeTuple = readonly [param: number, unit: number, lo: number, hi: number, rid: number];
type StringTuple = readonly [param: number, folded: string, exact: string, rid: number];

interface Changes {
  readonly keys: NumberTuple[];
  readonly ranges: RangeTuple[];
  readonly strings: StringTuple[];
}

export class IndexWriter {
  readonly #connection: Connection;
  #adds = emptyChanges();
  #drops = emptyChanges();
  readonly #pending = new Set<number>();
  readonly #newest: Newest;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#newest = new Newest(connection);
  }

  /** The rows that a resource has from now on. `before`: its sort date if it is indexed already. */
  put(rid: number, { params, text }: ResourceRows, date: number, before: number | undefined): void {
    if (this.#pending.has(rid)) this.flush();
    this.#pending.add(rid);
    const old = before === undefined ? undefined : readEntry(this.#connection, rid);
    this.#connection.run(SET_ENTRY, rid, text);
    if (before === undefined || old === undefined) {
      for (const entry of params) this.#add(entry, date, rid);
      return;
    }
    for (const entry of params) {
      this.#replace(entry, old.get(entry.param) ?? [], before, date, rid);
      old.delete(entry.param);
    }
    for (const [param, list] of old) this.#drop(param, list, before, rid);
  }

  /** The rows of some parameters of an indexed resource; those of its other parameters stay. */
  putParams(rid: number, params: readonly number[], made: readonly ParamRows[], date: number): void {
    if (this.#pending.has(rid)) this.flush();
    this.#pending.add(rid);
    for (const param of params) {
      const [text = null] = this.#connection.get<[string | null]>(READ_PARAM, `$."${param}"`, rid) ?? [];
      const old = text === null ? [] : rowsOf(text);
      const fresh = made.find((one) => one.param === param);
      if (fresh === undefined) {
        if (old.length === 0) continue;
        this.#drop(param, old, date, rid);
        this.#connection.run(REMOVE_PARAM, `$."${param}"`, rid);
      } else {
        this.#replace(fresh, old, date, date, rid);
        this.#connection.run(SET_PARAM, `$."${param}"`, `[${fresh.text}]`, rid);
      }
    }
  }

  drop(rid: number, date: number): void {
    if (this.#pending.has(rid)) this.flush();
    for (const [param, list] of readEntry(this.#connection, rid)) this.#drop(param, list, date, rid);
    this.#connection.run(DROP_ENTRY, rid);
    this.#pending.add(rid);
  }

  flush(): void {
    const dropKey = this.#connection.prepare(DROP_KEY);
    for (const row of this.#drops.keys) dropKey.run(...row);
    const dropRange = this.#connection.prepare(DROP_RANGE);
    for (const row of this.#drops.ranges) dropRange.run(...row);
    const dropString = this.#connection.prepare(DROP_STRING);
    for (const row of this.#drops.strings) dropString.run(...row);
    const keys = this.#adds.keys.sort(byNumbers);
    this.#insert(ADD_KEYS, KEY_ROW, keys);
    this.#newest.follow(keys, this.#drops.keys);
    this.#insert(ADD_RANGES, RANGE_ROW, this.#adds.ranges.sort(byRange));
    this.#insert(ADD_STRINGS, KEY_ROW, this.#adds.strings.sort(byText));
    this.#clear();
  }

  #insert(sql: string, row: string, tuples: readonly (NumberTuple | RangeTuple | StringTuple)[]): void {
    const several = this.#connection.prepare(sql + Array(ROWS_PER_INSERT).fill(row).join());
    let at = 0;
    for (; at + ROWS_PER_INSERT <= tuples.length; at += ROWS_PER_INSERT) {
      const values: Cell[] = [];
      for (let row = at; row < at + ROWS_PER_INSERT; row++) values.push(...(tuples[row] as readonly Cell[])); // below the length
      several.run(...values);
    }
    const one = this.#connection.prepare(sql + row);
    for (const tuple of tuples.slice(at)) one.run(...tuple);
  }

  /** The commit was rolled back, or names have other integers: nothing is left to write. */
  discard(): void {
    this.#newest.forget();
    this.#clear();
  }

  #clear(): void {
    this.#adds = emptyChanges();
    this.#drops = emptyChanges();
    this.#pending.clear();
  }

  #replace(entry: ParamRows, old: readonly Row[], before: number, date: number, rid: number): void {
    const { param, rows, text, present } = entry;
    const same = old.map(rowText).join(',') === text;
    if (same && before === date) return;
    if (same && !rows.some(carriesDate)) {
      if (present) this.#move(param, before, date, rid);
      return;
    }
    this.#drop(param, old, before, rid);
    this.#add(entry, date, rid);
  }

  #move(param: number, before: number, date: number, rid: number): void {
    this.#drops.keys.push([param, PRESENT, before, rid]);
    this.#adds.keys.push([param, PRESENT, date, rid]);
  }

  #add({ param, rows, present }: ParamRows, date: number, rid: number): void {
    collect(this.#adds, param, rows, date, rid);
    if (present) this.#adds.keys.push([param, PRESENT, date, rid]);
  }

  /** Of which parameter the primary date was is not known here: it has no such key to be dropped. */
  #drop(param: number, rows: readonly Row[], date: number, rid: number): void {
    collect(this.#drops, param, rows, date, rid);
    if (rows.some(isRange)) this.#drops.keys.push([param, PRESENT, date, rid]);
  }
}

function carriesDate(row: Row): boolean {
  return typeof row === 'number' || isComposite(row);
}

function collect(changes: Changes, param: number, rows: readonly Row[], date: number, rid: number): void {
  for (const row of rows) {
    if (typeof row === 'number') changes.keys.push([param, row, date, rid]);
    else if (isString(row)) changes.strings.push(stringTuple(param, row, rid));
    else if (isRange(row)) {
      for (const [unit, lo, hi] of rangesOf(row)) changes.ranges.push([param, unit, lo, hi, rid]);
    } else if (isComposite(row)) {
      for (const key of compositeKeys(row)) changes.keys.push([param, key, date, rid]);
    }
  }
}

function stringTuple(param: number, row: StringRow, rid: number): StringTuple {
  return [param, row[0], row[1], rid];
}

function byNumbers(left: NumberTuple, right: NumberTuple): number {
  return (
    left[0] - right[0] || compared(left[1], right[1]) || compared(left[2], right[2]) || left[3] - right[3]
  );
}

function byRange(left: RangeTuple, right: RangeTuple): number {
  return (
    left[0] - right[0] ||
    left[1] - right[1] ||
    compared(left[2], right[2]) ||
    compared(left[3], right[3]) ||
    left[4] - right[4]
  );
}

/** Ends may be infinite, whose difference is no number. */
function compared(left: number, right: number): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function byText(left: StringTuple, right: StringTuple): number {
  return left[0] - right[0] || (left[1] < right[1] ? -1 : left[1] > right[1] ? 1 : left[3] - right[3]);
}

function emptyChanges(): Changes {
  return { keys: [], ranges: [], strings: [] };
}
