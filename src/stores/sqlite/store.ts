/**
 * Opens a tenant's store: checks the file, brings it to this version, and hands out the ports that live in it.
 *
 * Invariant: a file that cannot be served is refused with a StoreError and left as it is.
 */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { Definitions } from '../../fhir/definitions/definitions.js';
import type { AuditLog } from '../../ports/audit-log.js';
import type { Backend } from '../../ports/backend.js';
import type { CurrentDefinitions } from '../../ports/current-definitions.js';
import type { JobStore } from '../../ports/jobs.js';
import type { Ledger } from '../../ports/ledger.js';
import type { Records } from '../../ports/records.js';
import type { Sealer } from '../../ports/sealer.js';
import { SqliteAuditLog } from './audit-log.js';
import { SqliteBackend } from './backend.js';
import { copyStore } from './backup.js';
import { Connection } from './connection.js';
import { CustomParameters, type MakeIndexer } from './custom-parameters.js';
import { FullTextFollower } from './full-text-follower.js';
import { sqliteJobs } from './jobs.js';
import { sqliteLedger } from './ledger.js';
import { checkVersion, migrate } from './migrations.js';
import { ParameterWalker } from './parameter-walker.js';
import { ReaderPool } from './reader-pool.js';
import { sqliteRecords } from './records.js';
import { Reindexer } from './reindex.js';
import { makeSealingKey, sqliteSealer } from './sealer.js';
import { BOUNDED, type Limits } from './search/scope.js';
import { StoreError, storeError } from './store-error.js';
import { View } from './view.js';
import { Writer } from './writer.js';

export interface SqliteStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of FHIR alone. */
  readonly definitions: Definitions;
  readonly makeIndexer: MakeIndexer;
  /** Writes nothing, not even to bring an older file to this version. */
  readonly readOnly?: boolean;
  /** Memory for bodies of current resources. */
  readonly cacheBytes?: number;
  /** How far a search may look on the main thread; past it a reader process goes on. */
  readonly searchLimits?: Limits;
  /** Awaited before each step of indexing by a custom parameter; absent: other work of the process comes first. */
  readonly walkPace?: () => Promise<void>;
  /** Resources of such a step. */
  readonly walkStep?: number;
  /** The file may have so many pages of 8 KiB. */
  readonly pageLimit?: number;
  /** The server's base URL, for the audit log. */
  readonly site?: string;
}

export interface SqliteStore {
  readonly backend: Backend;
  readonly sealer: Sealer;
  readonly ledger: Ledger;
  readonly audit: AuditLog;
  readonly records: Records;
  readonly jobs: JobStore;
  /** The definitions as of now: custom search parameters that were stored are among them. */
  current(): CurrentDefinitions;
  /** Resolves when every custom parameter there is now is indexed, by whichever process. */
  reindexed(): Promise<void>;
  /** A consistent copy while others read and write; the file appears when it is complete. */
  backup(file: string, onProgress: (done: number, total: number) => void): Promise<void>;
  /** Resolves when the full-text index knows all that is in the store now: it follows by itself once something is written. */
  followFullText(): Promise<void>;
  close(): Promise<void>;
}

/** As long as a timer can be: the index of a large store takes minutes. */
const MAX_WAIT = 2 ** 31 - 1;
const CACHE_BYTES = 32 * 1024 * 1024;

export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { file, clock, log, definitions, makeIndexer, pageLimit, site = '' } = options;
  try {
    const connection = options.readOnly === true ? openForReading(options) : await openForWriting(options);
    const view = new View(connection, options.cacheBytes ?? CACHE_BYTES);
    const { primaryDates } = definitions;
    const settings = { file, primaryDates, site, ...(pageLimit === undefined ? {} : { pageLimit }) };
    const writer = new Writer(settings, clock, log);
    const readers = new ReaderPool(file, primaryDates);
    const audit = new SqliteAuditLog(view, writer, log);
    const fullText = new FullTextFollower(view, writer);
    const parameters = new CustomParameters(view, definitions, makeIndexer, log);
    const walker = new ParameterWalker({ view, writer, parameters, definitions, makeIndexer, log }, options);
    const backend = new SqliteBackend({
      view,
      writer,
      readers,
      fullText,
      definitions,
      parameters,
      walker,
      limits: options.searchLimits ?? BOUNDED,
    });
    const current = (): CurrentDefinitions => {
      const definitionsNow = parameters.current();
      if (options.readOnly !== true) walker.wakeFor(definitionsNow);
      return definitionsNow;
    };
    current();
    return {
      backend,
      current,
      reindexed: () => walker.done(),
      sealer: sqliteSealer(connection),
      ledger: sqliteLedger(view, writer),
      audit,
      records: sqliteRecords(view, writer, clock),
      jobs: sqliteJobs(view, writer, clock),
      backup: (target, onProgress) => copyStore(file, target, onProgress),
      followFullText: async () => {
        if (!fullText.isClose()) await fullText.follow(MAX_WAIT);
      },
      close: async () => {
        await audit.close();
        await backend.close();
      },
    };
  } catch (error) {
    throw storeError(error, file);
  }
}

async function openForWriting({
  file,
  definitions,
  makeIndexer,
  log,
}: SqliteStoreOptions): Promise<Connection> {
  const connection = Connection.open(file, 'control');
  try {
    migrate(connection);
    makeSealingKey(connection);
    await new Reindexer(connection, definitions, makeIndexer(definitions), log).run();
    connection.pragma('wal_checkpoint(PASSIVE)');
    connection.pragma('query_only = ON');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function openForReading({ file, definitions, makeIndexer, log }: SqliteStoreOptions): Connection {
  const connection = Connection.open(file, 'reader');
  try {
    checkVersion(connection);
    if (new Reindexer(connection, definitions, makeIndexer(definitions), log).isDue) {
      throw new StoreError(
        'failed',
        `The store ${file} was made by other definitions: open it once for writing.`,
      );
    }
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
