/** The records in the store's own file: read here, changed by the writer thread (record-writer.ts). */
import type { Clock } from '../../base/clock.js';
import type { Records, StoredRecord } from '../../ports/records.js';
import type { RecordChange, RecordResult } from './messages.js';
import type { View } from './view.js';
import type { Writer } from './writer.js';

const GET = 'SELECT value FROM record WHERE kind = ? AND name = ? AND (expires IS NULL OR expires > ?)';
const LIST = `SELECT name, value FROM record
  WHERE kind = ? AND name > ? AND (expires IS NULL OR expires > ?) ORDER BY name LIMIT ?`;

const GENERATION = "SELECT value FROM setting WHERE name = 'record_generation'";

export function sqliteRecords(view: View, writer: Writer, clock: Clock): Records {
  const get = view.connection.prepare(GET);
  const generation = generationOf(view);
  const change = async (wanted: RecordChange): Promise<RecordResult> => {
    const result = await writer.changeRecord(wanted);
    view.expire(); // who hears of it finds it
    return result;
  };
  return {
    get: (kind, name) => get.get<[string]>(kind, name, clock.now())?.[0],
    put: async (kind, name, value, options) => {
      await change({ change: 'put', kind, name, value, ...options });
    },
    insert: async (kind, name, value, options) =>
      (await change({ change: 'insert', kind, name, value, ...options })).changed,
    take: async (kind, name) => (await change({ change: 'take', kind, name })).value,
    remove: async (kind, name) => (await change({ change: 'take', kind, name })).changed,
    removeGroup: async (group) => {
      await change({ change: 'remove-group', group });
    },
    list: (kind, after, limit) =>
      view.connection
        .all<[string, string]>(LIST, kind, after, clock.now(), limit)
        .map(([name, value]): StoredRecord => ({ name, value })),
    generation,
  };
}

/** Most of what is stored are no records; so the number is read when anything was stored, and told as long as nothing is. */
function generationOf(view: View): () => number {
  const read = view.connection.prepare(GENERATION);
  let dataVersion = -1;
  let generation = 0;
  return () => {
    view.refreshOncePerTurn();
    if (view.dataVersion !== dataVersion) {
      dataVersion = view.dataVersion;
      generation = read.get<[number]>()?.[0] ?? 0;
    }
    return generation;
  };
}
