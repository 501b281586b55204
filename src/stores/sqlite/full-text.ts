/**
 * The full-text index behind `_text` and `_content`: follows the log of versions at its own pace, so that no write waits for
 * it. https://www.sqlite.org/fts5.html
 *
 * Invariant: `full_text_to` is the position up to which all versions are in the index; it is written together with them. A
 * search judges what was changed after it by its content (search/words-test.ts), so no answer is behind the store.
 */
import { resourceWords } from '../../fhir/search/words.js';
import type { Position } from '../../ports/backend.js';
import type { Connection } from './connection.js';
import { parseResource } from './moment.js';

/** Counts up whenever words are taken from resources in another way. */
const LAYOUT = 1;
const STEP = 200;

const GET = "SELECT value FROM setting WHERE name = 'full_text_to'";
const GET_LAYOUT = "SELECT value FROM setting WHERE name = 'full_text_layout'";
const SET =
  'INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
const NEXT = `SELECT v.position, v.rid, r.position = v.position, v.bytes
  FROM version v CROSS JOIN resource r ON r.rid = v.rid WHERE v.position > ? ORDER BY v.position LIMIT ${STEP}`;
const PUT = 'INSERT OR REPLACE INTO full_text(rowid, narrative, content) VALUES (?, ?, ?)';
const DROP = 'DELETE FROM full_text WHERE rowid = ?';

type VersionRow = readonly [position: number, rid: number, isCurrent: number, bytes: Buffer | null];

/** Up to which position the index knows the store; 0 = nothing. */
export function fullTextPosition(connection: Connection): Position {
  const [layout] = connection.get<[number]>(GET_LAYOUT) ?? [];
  if (layout !== LAYOUT) return 0;
  return connection.get<[number]>(GET)?.[0] ?? 0;
}

/** Indexes the next versions in one transaction; answers how far the index has come, undefined at the end of the log. */
export function stepFullText(connection: Connection): Position | undefined {
  return connection.transaction(() => {
    if (connection.get<[number]>(GET_LAYOUT)?.[0] !== LAYOUT) begin(connection);
    const rows = connection.all<VersionRow>(NEXT, fullTextPosition(connection));
    const last = rows.at(-1);
    if (last === undefined) return undefined;
    for (const row of rows) indexVersion(connection, row);
    connection.run(SET, 'full_text_to', last[0]);
    return last[0];
  });
}

function begin(connection: Connection): void {
  connection.execute("INSERT INTO full_text(full_text) VALUES ('delete-all')");
  connection.run(SET, 'full_text_to', 0);
  connection.run(SET, 'full_text_layout', LAYOUT);
}

/** Only the current version of a resource is found by its words. */
function indexVersion(connection: Connection, [, rid, isCurrent, bytes]: VersionRow): void {
  if (isCurrent === 0) return;
  if (bytes === null) {
    connection.run(DROP, rid);
    return;
  }
  const { narrative, content } = resourceWords(parseResource(bytes));
  connection.run(PUT, rid, narrative, content);
}
