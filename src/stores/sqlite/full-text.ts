/**
 * The full-text index behind `_text` and `_content`: follows the log of versions at its own pace, so that no write waits for
 * it. https://www.sqlite.org/fts5.html
 *
 * Each resource is a row of narrative, content and the integer of its type, so that the matches of one type are counted
 * without a look at them. What is indexed step by step lies in many segments, each of which a look-up must visit: when the
 * index has come to the end of the log and enough is new, they are merged into one.
 *
 * Invariant: `full_text_to` is the position up to which all versions are in the index; it is written together with them. A
 * search judges what was changed after it by its content (search/words-test.ts), so no answer is behind the store.
 */
import { resourceWords } from '../../fhir/search/words.js';
import type { Position } from '../../ports/backend.js';
import type { Connection } from './connection.js';
import { parseResource } from './moment.js';

/** Counts up whenever words are taken from resources in another way. */
const LAYOUT = 2;
/** Pages of the index that are written by one step of merging: some ten milliseconds. */
const MERGED_PAGES = 64;
/** The index is merged anew when one of so many versions is new in it: writing all of it is then worth its while. */
const MERGED_EACH = 10;

const GET = "SELECT value FROM setting WHERE name = 'full_text_to'";
const GET_LAYOUT = "SELECT value FROM setting WHERE name = 'full_text_layout'";
const SET =
  'INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
/** The mark of a purge (purge-writer.ts) is of no resource; the index comes to it all the same. */
const NEXT = `SELECT v.position, v.rid, r.position = v.position, v.type, v.bytes
  FROM version v LEFT JOIN resource r ON r.rid = v.rid WHERE v.position > ? ORDER BY v.position LIMIT ?`;
const PUT = 'INSERT OR REPLACE INTO full_text(rowid, narrative, content, type) VALUES (?, ?, ?, ?)';
const DROP = 'DELETE FROM full_text WHERE rowid = ?';

const MERGE = "INSERT INTO full_text(full_text, rank) VALUES ('merge', ?)";
const GET_SETTING = 'SELECT value FROM setting WHERE name = ?';
const UNMERGED = 'full_text_unmerged';
const MERGING = 'full_text_merging';

type VersionRow = readonly [
  position: number,
  rid: number,
  isCurrent: number | null,
  type: number,
  bytes: Buffer | null,
];

/** Up to which position the index knows the store; 0 = nothing. */
export function fullTextPosition(connection: Connection): Position {
  const [layout] = connection.get<[number]>(GET_LAYOUT) ?? [];
  if (layout !== LAYOUT) return 0;
  return connection.get<[number]>(GET)?.[0] ?? 0;
}

/** Indexes the next `most` versions in one transaction; answers how far the index has come, undefined at the end of the log. */
export function stepFullText(connection: Connection, most: number): Position | undefined {
  return connection.transaction(() => {
    if (connection.get<[number]>(GET_LAYOUT)?.[0] !== LAYOUT) begin(connection);
    const rows = connection.all<VersionRow>(NEXT, fullTextPosition(connection), most);
    const last = rows.at(-1);
    if (last === undefined) return undefined;
    for (const row of rows) indexVersion(connection, row);
    connection.run(SET, 'full_text_to', last[0]);
    connection.run(SET, UNMERGED, unmerged(connection) + rows.length);
    return last[0];
  });
}

/**
 * Goes on merging the index where that is due, for some ten milliseconds; answers whether there is more to do. An index
 * that is read while it is merged answers as before.
 */
export function stepMerging(connection: Connection): boolean {
  const fresh = unmerged(connection);
  const isBegun = connection.get<[number]>(GET_SETTING, MERGING)?.[0] === 1;
  if (!isBegun && fresh * MERGED_EACH <= fullTextPosition(connection)) return false;
  return connection.transaction(() => {
    const before = totalChanges(connection);
    // A negative number begins: all segments become one; a positive one goes on with what has begun.
    connection.run(MERGE, isBegun ? MERGED_PAGES : -MERGED_PAGES);
    const isDone = totalChanges(connection) - before < 2; // the command itself counts as one
    connection.run(SET, MERGING, isDone ? 0 : 1);
    if (!isBegun) connection.run(SET, UNMERGED, 0);
    return !isDone;
  });
}

/**
 * Of a resource that is purged. Its words stay in the segments until they are merged, so that is due: they go when the writer
 * is idle.
 */
export function forgetWords(connection: Connection, rid: number): void {
  connection.run(DROP, rid);
  connection.run(SET, UNMERGED, fullTextPosition(connection));
}

/** Versions that were indexed since the last merging began. */
function unmerged(connection: Connection): number {
  return connection.get<[number]>(GET_SETTING, UNMERGED)?.[0] ?? 0;
}

function totalChanges(connection: Connection): number {
  return connection.get<[number]>('SELECT total_changes()')?.[0] ?? 0;
}

function begin(connection: Connection): void {
  connection.execute("INSERT INTO full_text(full_text) VALUES ('delete-all')");
  connection.run(SET, 'full_text_to', 0);
  connection.run(SET, UNMERGED, 0);
  connection.run(SET, MERGING, 0);
  connection.run(SET, 'full_text_layout', LAYOUT);
}

/** Only the current version of a resource is found by its words. */
function indexVersion(connection: Connection, [, rid, isCurrent, type, bytes]: VersionRow): void {
  if (isCurrent !== 1) return;
  if (bytes === null) {
    connection.run(DROP, rid);
    return;
  }
  const { narrative, content } = resourceWords(parseResource(bytes));
  connection.run(PUT, rid, narrative, content, String(type));
}
