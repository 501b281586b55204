/**
 * Purges: a resource goes with all of its versions. What is left is its name, as of a resource that was only mentioned:
 * others may refer to it, and its rid stays its own.
 *
 *   version   … 17 (gone)   23 (gone)   42: the mark of the last purge, of no type and no resource
 *
 * Invariant: the mark takes a position of its own and is the one row of its kind, so that positions and times go on rising
 * whatever was purged, and whoever remembers something of the store sees that there was a purge (`view.ts`). No answer is made
 * of it: what reads versions asks for their resource, or for their type.
 */
import { idsContainedIn } from '../../fhir/search/contained.js';
import type { Connection } from './connection.js';
import { forgetWords } from './full-text.js';
import { methodNumber } from './methods.js';

const DROP_VERSIONS = 'DELETE FROM version WHERE rid = ?';
const MENTIONED = 'position = NULL, version = 0, last_updated = NULL, live = 0, sort_date = 0';
const FORGET = `UPDATE resource SET ${MENTIONED} WHERE rid = ?`;
/** All that any of its versions contained. */
const FORGET_CONTAINED = `UPDATE resource SET ${MENTIONED}
  WHERE type IN (SELECT id FROM type WHERE name GLOB '#*') AND id >= ? AND id < ?`;
/** The type of URLs, which have no versions. */
const MARK_TYPE = 0;
const DROP_MARK = `DELETE FROM version WHERE type = ${MARK_TYPE}`;
const MARK = `INSERT INTO version(position, rid, type, version, last_updated, method, bytes)
  VALUES (?, 0, ${MARK_TYPE}, 0, ?, ?, NULL)`;
const LAST = `SELECT max(position) FROM version WHERE type = ${MARK_TYPE}`;

export interface Purged {
  readonly rid: number;
  readonly type: string;
  readonly id: string;
}

export class PurgeWriter {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Its index rows, and those of what it contains, go by the index's own writer. */
  purge({ rid, type, id }: Purged, at: { readonly position: number; readonly lastUpdated: number }): void {
    this.#connection.run(DROP_VERSIONS, rid);
    this.#connection.run(FORGET, rid);
    this.#connection.run(FORGET_CONTAINED, ...idsContainedIn({ type, id }));
    forgetWords(this.#connection, rid);
    this.#connection.run(DROP_MARK);
    this.#connection.run(MARK, at.position, at.lastUpdated, methodNumber('DELETE'));
  }
}

/** Where the last purge stands; 0: there was none. */
export function lastPurge(connection: Connection): number {
  return connection.get<[number | null]>(LAST)?.[0] ?? 0;
}
