/**
 * Makes the index anew from the stored resources when it was made by other definitions, or by another layout.
 *
 * Invariant: the mark that says which definitions the index follows is written last; until then the next opening goes
 * on where this one ended. Parameters of FHIR alone are indexed here: custom ones begin anew afterwards.
 */
import { assert } from '../../base/assert.js';
import type { Logger } from '../../base/log.js';
import type { Definitions } from '../../fhir/definitions/definitions.js';
import { NO_DATE } from './catalogue.js';
import type { Connection } from './connection.js';
import { ContainedRows, forgetContained } from './contained-rows.js';
import { IndexWriter } from './index-writer.js';
import { Interner } from './interner.js';
import { INDEX_TABLES } from './migrations.js';
import { type Indexer, parseResource } from './moment.js';
import { RowMaker } from './row-maker.js';
import { valueLines } from './wire-values.js';

/** Counts up whenever the same resources are indexed in another way. */
const LAYOUT = 7;
/** Rows of a batch are written in the order of the tables' keys: the longer it is, the fewer pages are written again and again. */
const BATCH = 5_000;
/** A batch ends with the resource that makes it so long. */
const BATCH_BYTES = 32 * 1024 * 1024;
/** Resources between two lines in the log. */
const TOLD = 20_000;

const GET = 'SELECT value FROM setting WHERE name = ?';
const SET =
  'INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
/** The version of a contained resource is that of another rid: it comes with its container. */
const NEXT = `SELECT r.rid, r.type, v.position, v.version, v.last_updated
  FROM resource r JOIN version v ON v.position = r.position AND v.rid = r.rid
  WHERE r.rid > ? AND r.live = 1 ORDER BY r.rid LIMIT ?`;
const BYTES = 'SELECT bytes FROM version WHERE position = ?';
/** What is contained comes with its container. */
const TO_DO = `SELECT count(*) FROM resource
  WHERE live = 1 AND rid > ? AND type NOT IN (SELECT id FROM type WHERE name GLOB '#*')`;
const SET_DATE = 'UPDATE resource SET sort_date = ? WHERE rid = ?';

type LiveRow = readonly [rid: number, type: number, position: number, version: number, lastUpdated: number];

interface Writers {
  readonly maker: RowMaker;
  readonly index: IndexWriter;
  readonly contained: ContainedRows;
}

export class Reindexer {
  readonly #connection: Connection;
  readonly #definitions: Definitions;
  readonly #indexer: Indexer;
  readonly #log: Logger;
  readonly #epoch: string;
  readonly #batchSize: number;

  /** `batchSize`: resources that are indexed in one transaction. */
  constructor(
    connection: Connection,
    definitions: Definitions,
    indexer: Indexer,
    log: Logger,
    batchSize = BATCH,
  ) {
    this.#connection = connection;
    this.#definitions = definitions;
    this.#indexer = indexer;
    this.#log = log;
    this.#batchSize = batchSize;
    this.#epoch = `${LAYOUT} ${definitions.fingerprint}`;
  }

  get isDue(): boolean {
    return this.#setting('index_epoch') !== this.#epoch;
  }

  async run(): Promise<void> {
    if (!this.isDue) return;
    if (this.#setting('index_building') !== this.#epoch) this.#begin();
    const [total = 0] = this.#connection.get<[number]>(TO_DO, this.#builtTo()) ?? [];
    if (total > 0) this.#log.info({ resources: total }, 'making the search index anew');
    let done = 0;
    let told = 0;
    for (let size = this.#batch(); size > 0; size = this.#batch()) {
      done += size;
      // Else the database's log would grow to several times the store, and each look into it would take longer.
      this.#connection.pragma('wal_checkpoint(PASSIVE)');
      if (Math.floor(done / TOLD) > told) {
        told = Math.floor(done / TOLD);
        this.#log.info({ done, total }, 'making the search index anew');
      }
      // Other work of the process goes on between batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#connection.transaction(() => {
      this.#connection.run(SET, 'index_epoch', this.#epoch);
      this.#connection.run("DELETE FROM setting WHERE name IN ('index_building', 'index_built_to')");
    });
    if (done > 0) this.#log.info({ done }, 'the search index is complete');
  }

  #begin(): void {
    this.#connection.transaction(() => {
      this.#connection.execute(INDEX_TABLES);
      forgetContained(this.#connection);
      // Those are indexed after this, each by itself.
      this.#connection.run('DELETE FROM parameter_index');
      this.#connection.run(SET, 'index_building', this.#epoch);
      this.#connection.run(SET, 'index_built_to', 0);
      this.#connection.run("DELETE FROM setting WHERE name = 'index_epoch'");
    });
  }

  /** Indexes the next resources in one transaction and says how many they were. */
  #batch(): number {
    return this.#connection.transaction(() => {
      // Another process may have come to the end meanwhile.
      if (!this.isDue) return 0;
      const rows = this.#connection.all<LiveRow>(NEXT, this.#builtTo(), this.#batchSize);
      const writers = this.#writers();
      let [done, bytes] = [0, 0];
      for (const row of rows) {
        bytes += this.#index(row, writers);
        done++;
        if (bytes >= BATCH_BYTES) break;
      }
      writers.index.flush();
      const last = rows[done - 1]?.[0];
      if (last !== undefined) this.#connection.run(SET, 'index_built_to', last);
      return done;
    });
  }

  #builtTo(): number {
    return Number(this.#setting('index_built_to') ?? 0);
  }

  #writers(): Writers {
    const interner = new Interner(this.#connection);
    const maker = new RowMaker(interner);
    const index = new IndexWriter(this.#connection);
    return { maker, index, contained: new ContainedRows(this.#connection, interner, maker, index) };
  }

  /** Returns how many bytes the resource has. */
  #index(row: LiveRow, { maker, index, contained }: Writers): number {
    const [rid, typeId, position, version, lastUpdated] = row;
    const [bytes] = this.#connection.get<[Buffer]>(BYTES, position) ?? [];
    assert(bytes !== undefined, 'a live resource has the version of its position');
    const resource = parseResource(bytes);
    const primaryDate = this.#definitions.primaryDates.get(resource.resourceType);
    const rows = maker.make(typeId, valueLines(this.#indexer(resource)), primaryDate);
    const sortDate = rows.primaryLo ?? (primaryDate === undefined ? 0 : NO_DATE);
    this.#connection.run(SET_DATE, sortDate, rid);
    index.put(rid, rows, sortDate, undefined);
    contained.put([], rows.contained, { position, version, lastUpdated });
    return bytes.length;
  }

  #setting(name: string): string | number | Buffer | null | undefined {
    return this.#connection.get(GET, name)?.[0];
  }
}
