/**
 * The writer thread's side of the records: one change inside an open transaction.
 *
 * Invariant: rows whose time has passed count as absent; each change sweeps some of them away, so that no more of them
 * gather than are made, and none needs a timer. Triggers count the generation up (migrations.ts).
 */
import type { Connection } from './connection.js';
import type { RecordJob, RecordResult } from './messages.js';

const PUT = `INSERT INTO record(kind, name, value, expires, record_group) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (kind, name) DO UPDATE
  SET value = excluded.value, expires = excluded.expires, record_group = excluded.record_group`;
const INSERT = `${PUT} WHERE record.expires <= ?`;
const TAKE =
  'DELETE FROM record WHERE kind = ? AND name = ? AND (expires IS NULL OR expires > ?) RETURNING value';
const REMOVE_GROUP = 'DELETE FROM record WHERE record_group = ?';
const SWEEP = `DELETE FROM record WHERE (kind, name) IN
  (SELECT kind, name FROM record WHERE expires <= ? ORDER BY expires LIMIT 16)`;

export function changeRecord(connection: Connection, { now, wanted }: RecordJob): RecordResult {
  connection.run(SWEEP, now);
  switch (wanted.change) {
    case 'put':
    case 'insert': {
      const { kind, name, value, expires = null, group = null } = wanted;
      const row = [kind, name, value, expires, group];
      const { changes } =
        wanted.change === 'put' ? connection.run(PUT, ...row) : connection.run(INSERT, ...row, now);
      return { kind: 'recorded', changed: changes > 0 };
    }
    case 'take': {
      const taken = connection.get<[string]>(TAKE, wanted.kind, wanted.name, now);
      return taken === undefined
        ? { kind: 'recorded', changed: false }
        : { kind: 'recorded', changed: true, value: taken[0] };
    }
    case 'remove-group':
      return { kind: 'recorded', changed: connection.run(REMOVE_GROUP, wanted.group).changes > 0 };
  }
}
