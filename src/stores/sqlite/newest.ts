/**
 * The newest sort date of what is about each patient. To which of many something happened lately is looked up here in a few
 * pages side by side; in `key_index` the newest row of each is in another place.
 *
 *   newest   (param, value) ─ the greatest sort date of its rows in `key_index`; of those without a date it says nothing
 *
 * Invariant: exact as of each commit, of the parameters that are followed (catalogue.ts) and of no other: what was deleted
 * leaves no date behind.
 */
import { isFollowed, NO_DATE } from './catalogue.js';
import type { Connection } from './connection.js';

const CODE = 'SELECT code FROM param WHERE id = ?';
const RAISE = `INSERT INTO newest(param, value, date) VALUES (?, ?, ?)
  ON CONFLICT (param, value) DO UPDATE SET date = excluded.date WHERE excluded.date > date`;
const FORGET = 'DELETE FROM newest WHERE param = ? AND value = ? AND date = ?';
const FIND = `INSERT INTO newest(param, value, date)
  SELECT param, value, date FROM key_index WHERE param = ? AND value = ? AND date < ${NO_DATE} ORDER BY date DESC LIMIT 1`;

/** As a row of `key_index`. */
type KeyRow = readonly [param: number, value: number, date: number, rid: number];

export class Newest {
  readonly #connection: Connection;
  /** Whether a parameter is followed. */
  readonly #known = new Map<number, boolean>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Parameters that were made may be gone after a rollback. */
  forget(): void {
    this.#known.clear();
  }

  /** After the rows themselves were dropped and added. `added`: in the order of the index. */
  follow(added: readonly KeyRow[], dropped: readonly KeyRow[]): void {
    for (const [param, value, date] of dropped) {
      if (date >= NO_DATE || !this.#isFollowed(param)) continue;
      const { changes } = this.#connection.run(FORGET, param, value, date);
      if (changes > 0) this.#connection.run(FIND, param, value);
    }
    for (const [at, row] of added.entries()) {
      const [param, value, date] = row;
      if (date >= NO_DATE || !this.#isFollowed(param) || isBefore(row, added[at + 1])) continue;
      this.#connection.run(RAISE, param, value, date);
    }
  }

  #isFollowed(param: number): boolean {
    let known = this.#known.get(param);
    if (known === undefined) {
      known = isFollowed(this.#connection.get<[string]>(CODE, param)?.[0] ?? '');
      this.#known.set(param, known);
    }
    return known;
  }
}

/** The row behind it is of the same key, and has a date as well. */
function isBefore([param, value]: KeyRow, next: KeyRow | undefined): boolean {
  return next !== undefined && next[0] === param && next[1] === value && next[2] < NO_DATE;
}
